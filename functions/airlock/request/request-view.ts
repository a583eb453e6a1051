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

function reasonOf(of: Request): string | undefined {
  if ('reason' in of) return of.reason;
  if (of.status === 'approved') return of.stopped?.reason;
  if (of.status === 'expired') return `It was ${of.was} until its time was over.`;
  if (of.status === 'returned' && of.by === 'checks')
    return 'The checks ask for an explanation: give one with the next submission, or mend the files.';
  return undefined;
}

function votesFor(of: Request, by: ActingPerson, eye: Viewer): Vote[] | undefined {
  if (eye !== 'reviewer' || !('votes' in of)) return undefined;
  const own = of.votes.filter(vote => vote.by === by.id);
  // Who decides between reviewers that disagree doesn't know how they voted; they themselves may.
  const complete = of.status !== 'inReview' || (of.conflict && own.length > 0);
  return complete ? of.votes : own;
}

/** Who decides between others must not know that they disagree, nor learn it from who else is asked. */
function disputeOf(of: RequestIn<'inReview'>, by: ActingPerson, eye: Viewer) {
  const { conflict, asked } = of;
  if (eye === 'project') return {};
  if (eye === 'operator') return { conflict };
  return hasVoted(of, by.id) ? { conflict, asked } : { asked: asked.filter(({ id }) => id === by.id) };
}

const withoutCells = (of: RequestReport): RequestReport => ({
  ...of,
  first: of.first.map(told => ({ ...told, cells: [] })),
});

/** The request for these eyes. Blind until all have voted: not even how many votes there are is in it. */
export function requestView(of: Request, by: ActingPerson, eye: Viewer): RequestView {
  const votes = votesFor(of, by, eye);
  const reason = reasonOf(of);
  const due = nextDeadline(of);
  return {
    id: of.id,
    project: of.project,
    title: of.title,
    direction: of.direction,
    status: of.status,
    requester: of.requester,
    requesterName: of.requesterName,
    ...(of.recipient && { recipient: of.recipient }),
    source: of.source,
    round: of.round,
    openedAt: of.openedAt,
    groups: of.groups,
    explanation: of.explanation,
    ...(due !== undefined && { due }),
    ...(reason !== undefined && { reason }),
    ...('seal' in of && of.seal && { seal: of.seal }),
    // Operators keep the place running; what is in files is not theirs to see.
    ...(eye === 'project' && 'report' in of && { report: of.report }),
    // Reviewers look at cells where that is put on record.
    ...(eye === 'reviewer' && 'report' in of && { report: withoutCells(of.report) }),
    ...(of.status === 'inReview' && { quorum: of.quorum, ...disputeOf(of, by, eye) }),
    ...(of.status === 'draft' && of.note && { findings: of.note.findings }),
    ...('retainedUntil' in of && { retainedUntil: of.retainedUntil }),
    ...('deleted' in of && of.deleted && { deleted: of.deleted }),
    ...('retracted' in of && of.retracted && { retracted: of.retracted }),
    ...(of.status === 'returned' && { comments: of.comments }),
    ...(of.status === 'rejected' && { comments: publicComments(of.votes) }),
    ...('withheld' in of && { withheld: of.withheld }),
    ...('release' in of && of.release && { release: of.release }),
    ...(votes !== undefined && { votes }),
  };
}
