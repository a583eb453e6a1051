import * as z from 'zod';
import { Direction } from '../../../disclosure/policy.ts';
import { nextDeadline } from './deadlines.ts';
import type { ActingPerson } from './decision.ts';
import { Seal } from './manifest.ts';
import { fullReportKey } from './places.ts';
import { memberReasons } from './rejections.ts';
import { Deleted, Groups, type Request, type RequestIn, RequestRelease, RequestReport, Someone } from './request.ts';
import { publicComments } from './reviewer-commands.ts';
import { hasVoted } from './trail-visibility.ts';
import { shownStatuses, type Viewer } from './viewer.ts';
import { Vote } from './votes.ts';

const ReportView = RequestReport.partial({ key: true, versionId: true, sha256: true });
type ReportView = z.infer<typeof ReportView>;

/** A request as one viewer may see it. */
export const RequestView = z.object({
  id: z.string(),
  project: z.string(),
  title: z.string(),
  direction: Direction,
  status: z.enum(shownStatuses),
  requester: z.string(),
  requesterName: z.string(),
  /** Who may download the release instead of the requester. */
  recipient: Someone.optional(),
  source: z.string(),
  round: z.number().int(),
  openedAt: z.iso.datetime(),
  /** The deadline of the current state. */
  due: z.iso.datetime().optional(),
  /** When its content is deleted. */
  retainedUntil: z.iso.datetime().optional(),
  /** What was deleted; the receipt lists it. */
  deleted: Deleted.optional(),
  /** What was deleted of an import in its project. */
  retracted: Deleted.optional(),
  /** The reason for the current state, if any. */
  reason: z.string().optional(),
  seal: Seal.optional(),
  quorum: z.number().int().optional(),
  /** For operators, and reviewers who have voted: whether one more reviewer must decide. */
  conflict: z.boolean().optional(),
  /** For reviewers: who is assigned; until you have voted, only whether you are. */
  assignees: z.array(Someone).optional(),
  /** For members without the stored report's key, version and SHA-256. */
  report: ReportView.optional(),
  /** Where members read the full report: in the project's bucket, on a desktop. */
  fullReport: z.string().optional(),
  findings: z.array(z.object({ path: z.string(), reason: z.string() })).optional(),
  comments: z.array(Vote.pick({ comment: true, files: true })).optional(),
  withheld: z.array(z.string()).optional(),
  release: RequestRelease.omit({ fileList: true }).optional(),
  groups: Groups,
  explanation: z.string(),
  /** For reviewers: your own vote, and all votes once the quorum is complete. */
  votes: z.array(Vote).optional(),
});
export type RequestView = z.infer<typeof RequestView>;

function reasonOf(request: Request): string | undefined {
  if ('reason' in request) return request.reason;
  if (request.status === 'approved') return request.stopped?.reason;
  if (request.status === 'expired') return `It was ${request.was} until its deadline passed.`;
  if (request.status === 'returned' && request.by === 'checks')
    return 'The checks ask for an explanation. Add one with `airlock edit`, or correct the files, then submit again.';
  return undefined;
}

function votesFor(request: Request, person: ActingPerson, eye: Viewer): Vote[] | undefined {
  if (eye !== 'reviewer' || !('votes' in request)) return undefined;
  const ownVotes = request.votes.filter(vote => vote.by === person.id);
  // A reviewer who decides a conflict must not know the other votes; those who have voted may.
  const complete = request.status !== 'inReview' || (request.conflict && ownVotes.length > 0);
  return complete ? request.votes : ownVotes;
}

/** A reviewer who decides a conflict must not learn of it, not even from who else is assigned. */
function disputeOf(request: RequestIn<'inReview'>, person: ActingPerson, eye: Viewer) {
  const { conflict, assignees: reviewers } = request;
  if (eye === 'operator') return { conflict };
  return hasVoted(request, person.id)
    ? { conflict, assignees: reviewers }
    : { assignees: reviewers.filter(({ id }) => id === person.id) };
}

const withoutCells = (request: RequestReport): RequestReport => ({
  ...request,
  first: request.first.map(finding => ({ ...finding, cells: [] })),
});

/** What members outside, and operators, see of a file: its place in the sealed manifest, never its name. */
const fileNumber = (file: number): string => `file ${file}`;

/** What members see of a report outside: rules, actions, rows and columns. Texts, values and names are content. */
const shortFindingsOf = ({ findings, worst, first }: RequestReport, remedy: string): ReportView => ({
  findings,
  ...(worst && { worst }),
  first: first.map(({ file, rule, action, cells }) => ({
    path: fileNumber(file),
    file,
    rule,
    action,
    message: remedy,
    cells: cells.map(({ row, column }) => ({ row, column, value: '' })),
  })),
});

/** The report on an import for the person who uploaded it. */
const findingsOf = ({ key: _, versionId: __, sha256: ___, ...report }: RequestReport): ReportView => report;

type Comments = NonNullable<RequestView['comments']>;
const withoutPaths = (comments: Comments): Comments =>
  comments.map(({ comment, files }) => ({
    comment,
    files: files.map(({ file, comment }) => ({ path: fileNumber(file), file, comment })),
  }));

/** Why a submission was not sealed, without names and sizes. */
const rejectionsOf = ({ findings }: NonNullable<RequestIn<'draft'>['note']>, remedy: string) =>
  findings.map(({ reason }) => ({ path: '', reason: memberReasons.has(reason) ? reason : remedy }));

const commentsOf = (request: Request): Comments | undefined => {
  if (request.status === 'returned') return request.comments;
  return request.status === 'rejected' ? publicComments(request.votes) : undefined;
};

/** What everybody with a part in the request may see of it, whatever is in its files. */
function plainView(request: Request): RequestView {
  const reason = reasonOf(request);
  const due = nextDeadline(request);
  return {
    id: request.id,
    project: request.project,
    title: request.title,
    direction: request.direction,
    status: request.status,
    requester: request.requester,
    requesterName: request.requesterName,
    ...(request.recipient && { recipient: request.recipient }),
    source: request.source,
    round: request.round,
    openedAt: request.openedAt,
    groups: request.groups,
    explanation: request.explanation,
    ...(due !== undefined && { due }),
    ...(reason !== undefined && { reason }),
    ...(request.status === 'inReview' && { quorum: request.quorum }),
    ...('retainedUntil' in request && { retainedUntil: request.retainedUntil }),
  };
}

/**
 * The request as a member sees it from outside the project: short findings, and where the full report is. No name, byte, size or
 * checksum of a file that is not released to this person. The requester of an import brought its files from outside, and
 * sees everything about them.
 */
function memberView(request: Request, person: ActingPerson): RequestView {
  const comments = commentsOf(request);
  const ownImport = request.direction === 'import' && person.id === request.requester;
  const exported = request.direction === 'export';
  const fullReport = fullReportKey(request);
  // Nothing of an import is in the project yet, so there is no full report on it there.
  const remedy = exported ? `See ${fullReport}.` : `Ask ${request.requesterName}, who uploaded the files.`;
  const receives = person.id === (request.recipient?.id ?? request.requester);
  const note = request.status === 'draft' ? request.note : undefined;
  return {
    ...plainView(request),
    ...(exported && ('report' in request || note) && { fullReport }),
    ...('report' in request && {
      report: ownImport ? findingsOf(request.report) : shortFindingsOf(request.report, remedy),
    }),
    ...(note && { findings: ownImport ? note.findings : rejectionsOf(note, remedy) }),
    ...(comments && { comments: ownImport ? comments : withoutPaths(comments) }),
    ...('withheld' in request && { withheld: ownImport ? request.withheld : withheldNumbers(request) }),
    ...(receives && 'release' in request && request.release && { release: request.release }),
  };
}

const withheldNumbers = ({ votes }: { votes: readonly Vote[] }): string[] =>
  [
    ...new Set(
      votes.filter(({ verdict }) => verdict === 'approve').flatMap(({ files }) => files.map(({ file }) => file)),
    ),
  ]
    .sort((a, b) => a - b)
    .map(fileNumber);

/** The request as this viewer may see it. Until the quorum is complete, not even the number of votes is shown. */
export function requestView(request: Request, person: ActingPerson, eye: Viewer): RequestView {
  if (eye === 'project') return memberView(request, person);
  const votes = votesFor(request, person, eye);
  const comments = commentsOf(request);
  const reviewer = eye === 'reviewer';
  return {
    ...plainView(request),
    ...('seal' in request && request.seal && { seal: request.seal }),
    // Operators run the platform and see neither content nor names of files. Reviewers see cells only through recorded views.
    ...(reviewer && 'report' in request && { report: withoutCells(request.report) }),
    ...(request.status === 'inReview' && disputeOf(request, person, eye)),
    ...(request.status === 'draft' &&
      request.note && {
        findings: reviewer
          ? request.note.findings
          : rejectionsOf(request.note, `Ask ${request.requesterName}, who can read why.`),
      }),
    ...('deleted' in request && request.deleted && { deleted: request.deleted }),
    ...('retracted' in request && request.retracted && { retracted: request.retracted }),
    ...(comments && { comments: reviewer ? comments : withoutPaths(comments) }),
    ...('withheld' in request && { withheld: reviewer ? request.withheld : withheldNumbers(request) }),
    ...('release' in request && request.release && { release: request.release }),
    ...(votes !== undefined && { votes }),
  };
}
