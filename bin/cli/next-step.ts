import type * as z from 'zod';
import type { RequestSummary } from '../../functions/airlock/request/summary.ts';
import type { CostReport } from '../../functions/costs/costs.ts';
import type { DatasetUse } from '../../functions/datasets/schemas.ts';
import type { EnclaveRun } from '../../functions/enclaves/schemas.ts';
import type { DeliverySummary } from '../../functions/ingest/schemas.ts';
import type { Project } from '../../functions/projects/schemas.ts';
import type { WorkspaceView } from '../../functions/workspaces/schemas.ts';

/**
 * Where a thing stands for the person who asks: it waits for them, somebody or something else is working on it, something
 * went wrong, or nothing is left to do.
 */
export type Standing = 'waiting' | 'underWay' | 'trouble' | 'done';

/** One thing that concerns a person, and the command that continues it. */
export interface NextStep {
  readonly standing: Standing;
  readonly subject: string;
  readonly status: string;
  /** By when something must happen. */
  readonly due?: string;
  /** Why it is in trouble, if its list says so. */
  readonly reason?: string;
  /** The next command, without `broch`. */
  readonly command?: string;
}

type Step = Pick<NextStep, 'standing' | 'reason' | 'command'>;

const requesterSteps: Readonly<Record<RequestSummary['status'], (words: string, id: string) => Step>> = {
  draft: words => ({ standing: 'waiting', command: `airlock submit ${words}` }),
  submitted: words => ({ standing: 'underWay', command: `watch airlock ${words}` }),
  checking: words => ({ standing: 'underWay', command: `watch airlock ${words}` }),
  blocked: words => ({ standing: 'trouble', command: `airlock show ${words}` }),
  returned: words => ({ standing: 'waiting', command: `airlock show ${words}` }),
  inReview: words => ({ standing: 'underWay', command: `airlock show ${words}` }),
  approved: words => ({ standing: 'underWay', command: `airlock show ${words}` }),
  releasing: words => ({ standing: 'underWay', command: `airlock show ${words}` }),
  released: (words, id) => ({ standing: 'waiting', command: `airlock download ${words} ./${id}` }),
  timedOut: words => ({ standing: 'trouble', command: `airlock show ${words}` }),
  damaged: words => ({ standing: 'trouble', command: `airlock show ${words}` }),
  rejected: () => ({ standing: 'done' }),
  withdrawn: () => ({ standing: 'done' }),
  revoked: () => ({ standing: 'done' }),
  expired: () => ({ standing: 'done' }),
};

const describeRequest = ({ project, id, title, direction }: RequestSummary) =>
  `${direction === 'import' ? 'Import' : 'Request'} ${id} of ${project}: ${title}`;

const requestStep = (request: RequestSummary, step: Step): NextStep => ({
  subject: describeRequest(request),
  status: request.status,
  ...(request.due !== undefined && { due: request.due }),
  ...step,
});

/** A request for the person who made it. Imports are delivered into the project, so there is nothing to download. */
export function stepOfOwnRequest(request: RequestSummary): NextStep {
  const isDelivered = request.direction === 'import' && request.status === 'released';
  const step = isDelivered
    ? { standing: 'done' as const }
    : request.direction === 'import' && request.status === 'draft'
      ? { standing: 'waiting' as const, command: `airlock upload ${request.project} ${request.id} <folder>` }
      : requesterSteps[request.status](`${request.project} ${request.id}`, request.id);
  return requestStep(request, step);
}

/** A request in the queue, for a reviewer or an operator. Operators continue what timed out; reviewers vote. */
export function stepOfQueuedRequest(request: RequestSummary, groups: readonly string[]): NextStep {
  const words = `${request.project} ${request.id}`;
  const reviewer = groups.includes('reviewer');
  if (request.unreachable)
    return requestStep(request, {
      standing: 'trouble',
      reason: 'Too few reviewers may vote, so nobody can decide it. Add people to the group reviewer.',
      command: `airlock show ${words}`,
    });
  if (request.status === 'inReview' && reviewer)
    return requestStep(request, { standing: 'waiting', command: `airlock preview ${words} ./${request.id}` });
  if (request.status === 'approved')
    return requestStep(request, { standing: 'waiting', command: `airlock release ${words}` });
  if (request.status === 'timedOut')
    return requestStep(request, { standing: 'trouble', command: `airlock resume ${words}` });
  if (request.status === 'damaged')
    return requestStep(request, { standing: 'trouble', command: `airlock show ${words}` });
  return requestStep(request, { standing: 'underWay', command: `airlock show ${words}` });
}

/** A delivery; only its partner can correct it. */
export function stepOfDelivery(
  { id, dataset, partnerName, status, found: findingCount }: DeliverySummary,
  isOwn: boolean,
): NextStep {
  const subject = `Delivery ${id} of ${dataset}${isOwn ? '' : `, from ${partnerName}`}`;
  const standings = {
    open: isOwn ? 'waiting' : 'underWay',
    checking: 'underWay',
    held: 'trouble',
    awaitingApproval: isOwn ? 'underWay' : 'waiting',
    rejected: isOwn ? 'trouble' : 'done',
  } as const;
  const standing = status in standings ? standings[status as keyof typeof standings] : 'done';
  return {
    standing,
    subject,
    status,
    ...(findingCount !== undefined && {
      reason: `${findingCount} ${findingCount === 1 ? 'problem' : 'problems'} found`,
    }),
    ...(standing !== 'done' && {
      command: isOwn && status === 'open' ? `deliver <folder> --delivery ${id}` : `delivery show ${id}`,
    }),
  };
}

/** A workspace for its owner. */
export function stepOfWorkspace(workspace: z.infer<typeof WorkspaceView>): NextStep {
  const words = `${workspace.project} ${workspace.id}`;
  const subject = `Workspace ${workspace.id} of ${workspace.project} (${workspace.kind})`;
  const { status } = workspace;
  if (status === 'failed')
    return { standing: 'trouble', subject, status, reason: workspace.reason, command: `workspace retry ${words}` };
  if (status === 'ready') return { standing: 'waiting', subject, status, command: `workspace open ${words}` };
  if (status === 'stopped' && workspace.warnedDays !== undefined)
    return {
      ...{ standing: 'waiting', subject, status, command: `workspace archive ${words}` },
      reason: `nobody has started it for ${workspace.warnedDays} days, and its disks are charged. An archive keeps its home`,
    };
  if (status === 'stopped' || status === 'hibernated')
    return { standing: 'waiting', subject, status, command: `workspace start ${words}` };
  if (status === 'archived' || status === 'deleted') return { standing: 'done', subject, status };
  return { standing: 'underWay', subject, status, command: `watch workspace ${words}` };
}

/** A project's use of a dataset: for the dataset's owner, who decides, or for a member of the project. */
export function stepOfUse(use: DatasetUse, isOwner: boolean): NextStep {
  const { id, project, dataset, status } = use;
  const subject = isOwner ? `${dataset} for project ${project} (${id})` : `Dataset ${dataset} for ${project} (${id})`;
  if (use.status === 'requested')
    return isOwner
      ? { standing: 'waiting', subject, status, reason: use.explanation, command: `dataset requests ${dataset}` }
      : { standing: 'underWay', subject, status, command: `dataset uses ${project}` };
  return { standing: 'done', subject, status };
}

/** An enclave run: for a party that decides about it (`person`), or for a member of its project. */
export function stepOfEnclaveRun(run: EnclaveRun, person: string | undefined): NextStep {
  const { id, project, status, parties, approvals, deadlines } = run;
  const subject = `Enclave run ${id} of ${project}`;
  const command = `enclave show ${project} ${id}`;
  const undecided = (['data', 'code'] as const).filter(party => !approvals[party]);
  if (status === 'proposed') {
    const ownParty = undecided.find(party => parties[party].id === person);
    if (ownParty) return { standing: 'waiting', subject, status, due: deadlines[ownParty], command };
    const names = undecided.map(party => parties[party].name).join(' and ');
    return { standing: 'underWay', subject, status, reason: `${names} decide.`, command };
  }
  if (status === 'authorised' && person === undefined)
    return { standing: 'waiting', subject, status, command: `enclave run ${project} ${id}` };
  if (status === 'authorised' || status === 'running') return { standing: 'underWay', subject, status, command };
  return { standing: 'done', subject, status };
}

/** A project for an operator. */
export function stepOfProject(project: Project): NextStep {
  const { id, status } = project;
  const subject = `Project ${id}: ${project.title}`;
  if (project.status === 'failed')
    return { standing: 'trouble', subject, status, reason: project.reason, command: `project retry ${id}` };
  if (status === 'provisioning') return { standing: 'underWay', subject, status, command: `watch project ${id}` };
  return { standing: 'done', subject, status };
}

/** A cost report for an operator. */
export function stepOfReport(report: CostReport): NextStep {
  const { date, status } = report;
  const subject = `Cost card of ${date}`;
  if (report.status === 'unbilled' || report.status === 'unsent')
    return { standing: 'trouble', subject, status, reason: report.reason, command: `cost report --date ${date}` };
  return { standing: 'done', subject, status };
}
