import * as z from 'zod';
import { Direction } from '../../../disclosure/policy.ts';
import { nextDeadline } from './deadlines.ts';
import type { ActingPerson } from './decision.ts';
import { Seal } from './manifest.ts';
import {
  Deleted,
  Groups,
  type Request,
  type RequestIn,
  RequestRelease,
  RequestReport,
  Someone,
  statuses,
} from './request.ts';
import { publicComments } from './reviewer-commands.ts';
import { hasVoted } from './trail-visibility.ts';
import type { Viewer } from './viewer.ts';
import { Vote } from './votes.ts';

/** A vote as other reviewers see it, once the quorum is complete. */
const Comments = z.array(z.object({ comment: z.string(), files: Vote.shape.files.unwrap() }));

/** A request as somebody may see it. */
export const RequestView = z.object({
  id: z.string(),
  project: z.string(),
  title: z.string(),
  direction: Direction,
  status: z.enum(statuses),
  requester: z.string(),
  requesterName: z.string(),
  /** Who shall fetch it instead of them. */
  recipient: Someone.optional(),
  source: z.string(),
  round: z.number().int(),
  openedAt: z.iso.datetime(),
  /** By when something must become of it. */
  due: z.iso.datetime().optional(),
  /** What of it lies with us is deleted then. */
  retainedUntil: z.iso.datetime().optional(),
  /** The receipt says what was deleted. */
  deleted: Deleted.optional(),
  /** What of an import was deleted in its project. */
  retracted: Deleted.optional(),
  /** Why it is where it is, where there is a reason. */
  reason: z.string().optional(),
  seal: Seal.optional(),
  quorum: z.number().int().optional(),
  /** Operators, and reviewers who have voted: whether one more must decide. */
  conflict: z.boolean().optional(),
  /** Reviewers: who were asked to look at it; until you have voted, whether you were. */
  asked: z.array(Someone).optional(),
  report: RequestReport.optional(),
  findings: z.array(z.object({ path: z.string(), reason: z.string() })).optional(),
  comments: Comments.optional(),
  withheld: z.array(z.string()).optional(),
  release: RequestRelease.omit({ held: true }).optional(),
  groups: Groups,
  explanation: z.string(),
  /** Reviewers: your own vote, and all of them once everybody has voted. */
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

function votesFor(request: Request, by: ActingPerson, eye: Viewer): Vote[] | undefined {
  if (eye !== 'reviewer' || !('votes' in request)) return undefined;
  const own = request.votes.filter(vote => vote.by === by.id);
  // Who decides between reviewers that disagree doesn't know how they voted; they themselves may.
  const complete = request.status !== 'inReview' || (request.conflict && own.length > 0);
  return complete ? request.votes : own;
}

/** Who decides between others must not know that they disagree, nor learn it from who else is asked. */
function disputeOf(request: RequestIn<'inReview'>, by: ActingPerson, eye: Viewer) {
  const { conflict, asked } = request;
  if (eye === 'project') return {};
  if (eye === 'operator') return { conflict };
  return hasVoted(request, by.id) ? { conflict, asked } : { asked: asked.filter(({ id }) => id === by.id) };
}

const withoutCells = (request: RequestReport): RequestReport => ({
  ...request,
  first: request.first.map(told => ({ ...told, cells: [] })),
});

/** The request for these eyes. Blind until all have voted: not even how many votes there are is in it. */
export function requestView(request: Request, by: ActingPerson, eye: Viewer): RequestView {
  const votes = votesFor(request, by, eye);
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
    ...('seal' in request && request.seal && { seal: request.seal }),
    // Operators keep the place running; what is in files is not theirs to see.
    ...(eye === 'project' && 'report' in request && { report: request.report }),
    // Reviewers look at cells where that is put on record.
    ...(eye === 'reviewer' && 'report' in request && { report: withoutCells(request.report) }),
    ...(request.status === 'inReview' && { quorum: request.quorum, ...disputeOf(request, by, eye) }),
    ...(request.status === 'draft' && request.note && { findings: request.note.findings }),
    ...('retainedUntil' in request && { retainedUntil: request.retainedUntil }),
    ...('deleted' in request && request.deleted && { deleted: request.deleted }),
    ...('retracted' in request && request.retracted && { retracted: request.retracted }),
    ...(request.status === 'returned' && { comments: request.comments }),
    ...(request.status === 'rejected' && { comments: publicComments(request.votes) }),
    ...('withheld' in request && { withheld: request.withheld }),
    ...('release' in request && request.release && { release: request.release }),
    ...(votes !== undefined && { votes }),
  };
}
