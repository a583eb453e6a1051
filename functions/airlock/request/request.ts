import * as z from 'zod';
import { Direction } from '../../../disclosure/policy.ts';
import { Action, Cell } from '../../../disclosure/report.ts';
import { Finding, ObjectRef, Sha256 } from '../../identifiers.ts';
import { PlainText } from '../../plain-text.ts';
import { ProjectId } from '../../projects/schemas.ts';
import { FileGroup, Seal } from './manifest.ts';
import { Vote } from './votes.ts';

/** Eleven hexadecimal digits of the time it was drafted and five random ones, so that ids sort by age. */
export const RequestId = z.string().regex(/^al-[0-9a-f]{16}$/, 'an id such as al-0011223344556677');
const name = '[A-Za-z0-9][A-Za-z0-9._-]{0,99}';
/** Folders that exports are taken from: filled by the project's members, its batch jobs or enclave runs. */
export const Source = z
  .string()
  .regex(
    new RegExp(`^(data/outbox/${name}|batch/${name}/outputs|enclaves/${name}/outputs)/$`),
    'a folder such as data/outbox/results/, batch/<job>/outputs/ or enclaves/<run>/outputs/',
  )
  .describe("a folder in the project's bucket: data/outbox/<name>/, batch/<job>/outputs/ or enclaves/<run>/outputs/");
/** The folder for the files of an import, in the bucket for uploads. */
export const uploads = (id: string): string => `uploads/${id}/`;
export const Uploads = z.string().regex(/^uploads\/al-[0-9a-f]{16}\/$/);
export const Title = PlainText.min(1).max(200);
export const Groups = z.array(FileGroup).min(1).max(50);
export const Explanation = PlainText.max(5000);

export const requestId = (now: string, chance: number): string =>
  `al-${Date.parse(now).toString(16).padStart(11, '0')}${chance.toString(16).padStart(5, '0')}`;

/** An instant (ISO 8601) moved by a number of seconds. */
export const addSeconds = (instant: string, seconds: number): string =>
  new Date(Date.parse(instant) + seconds * 1000).toISOString();
export const hour = 3600;
export const day = 24 * hour;

/** The first findings of a report, short enough for a table row; the report itself has all. */
const ReportExcerpt = z.object({
  path: z.string().max(300),
  /** Its place in the sealed manifest, from 1: what members see instead of its name. */
  file: z.number().int().min(1),
  rule: z.string(),
  action: Action,
  message: z.string().max(600),
  cells: z.array(Cell).max(5),
});

/** The report on a seal, as the request refers to it. */
export const RequestReport = z.object({
  key: z.string(),
  versionId: z.string(),
  sha256: Sha256,
  findings: z.number().int(),
  worst: Action.optional(),
  /** Files of an export that reviewers are shown only in part. */
  partialFiles: z.number().int().optional(),
  first: z.array(ReportExcerpt).max(20),
});
export type RequestReport = z.infer<typeof RequestReport>;

/** The release. Its signed record lists every file. */
export const RequestRelease = z.object({
  key: z.string(),
  versionId: z.string(),
  sha256: Sha256,
  files: z.number().int(),
  bytes: z.number().int(),
  /** The list of released files with their keys and versions. */
  fileList: ObjectRef,
});
export type RequestRelease = z.infer<typeof RequestRelease>;

const timestamp = z.iso.datetime();

/** A person in a request: the id and the user name. */
export const Someone = z.object({ id: z.string(), name: z.string() });
export type Someone = z.infer<typeof Someone>;

export const common = {
  id: RequestId,
  project: ProjectId,
  requester: z.string().min(1),
  requesterName: z.string().min(1),
  title: Title,
  direction: Direction,
  /** Who may download the release, if not the requester. */
  recipient: Someone.optional(),
  /** Where its files are submitted from: a folder of the project's, or the upload of an import. */
  source: z.union([Source, Uploads]),
  groups: Groups,
  /** The requester's answer to what checks ask. */
  explanation: Explanation.default(''),
  openedAt: timestamp,
  /** Counts submissions; each has a seal of its own, and votes are about one seal. */
  round: z.number().int().min(0),
  /** Counts executions of workflows; only the newest may change the request. */
  attempt: z.number().int().min(0),
  /** The idempotency marks of the latest calls, so that a repeated call changes nothing. */
  done: z.array(z.string()).max(8).default([]),
};
/** Who made the settings that the seal was checked under, if any. This person does not vote on it, even after others change the settings. */
const settingsBy = z.string().optional();
const sealFields = { seal: Seal, report: RequestReport, settingsBy };
const approvalFields = { ...sealFields, votes: z.array(Vote), withheld: z.array(z.string()), approvedAt: timestamp };

const Draft = z.object({
  status: z.literal('draft'),
  ...common,
  expiresAt: timestamp,
  /** Why a submission could not be sealed. */
  note: z.object({ findings: z.array(Finding).max(100), found: z.number().int(), at: timestamp }).optional(),
});
const Submitted = z.object({
  status: z.literal('submitted'),
  ...common,
  startedAt: timestamp,
  deadline: timestamp,
});
const Checking = z.object({ ...Submitted.shape, status: z.literal('checking'), seal: Seal, settingsBy });
const InReview = z.object({
  status: z.literal('inReview'),
  ...common,
  ...sealFields,
  /** The quorum when the review began. Later settings can only raise it. */
  quorum: z.number().int(),
  votes: z.array(Vote),
  /** Whether parts may be approved, as configured when the review began. */
  partial: z.boolean().default(false),
  conflict: z.boolean(),
  since: timestamp,
  deadline: timestamp,
  reminded: z.number().int(),
  /** Which lack of reviewers was announced: of one more, or of one whom the decision needs. Each is announced once. */
  shortage: z.enum(['more', 'needed']).optional(),
  /** The assigned reviewers. Every other eligible reviewer may vote as well. */
  assignees: z.array(Someone),
  /** The token of the task that waits for the decision. The decision is stored here, so a lost token loses nothing. */
  token: z.string().optional(),
});
/** What a reviewer tells the requester. */
const Comment = Vote.pick({ comment: true, files: true });
const Returned = z.object({
  status: z.literal('returned'),
  ...common,
  ...sealFields,
  by: z.enum(['review', 'checks']),
  comments: z.array(Comment),
  returnedAt: timestamp,
  expiresAt: timestamp,
});
const Blocked = z.object({
  status: z.literal('blocked'),
  ...common,
  ...sealFields,
  blockedAt: timestamp,
  expiresAt: timestamp,
});
const Approved = z.object({
  status: z.literal('approved'),
  ...common,
  ...approvalFields,
  expiresAt: timestamp,
  /** Why the last attempt to release it failed. */
  stopped: z.object({ reason: z.string(), at: timestamp }).optional(),
});
const Releasing = z.object({
  status: z.literal('releasing'),
  ...common,
  ...approvalFields,
  expiresAt: timestamp,
  startedAt: timestamp,
  deadline: timestamp,
  releasedBy: Someone,
});
const Released = z.object({
  status: z.literal('released'),
  ...common,
  ...approvalFields,
  release: RequestRelease,
  releasedBy: Someone,
  releasedAt: timestamp,
  expiresAt: timestamp,
});
/** What was deleted, and the receipt for it. */
export const Deleted = z.object({
  at: timestamp,
  objects: z.number().int(),
  bytes: z.number().int(),
  receipt: ObjectRef,
});

/** The content of a closed request: until when it is retained, and what was deleted. */
const closureFields = {
  retainedUntil: timestamp.optional(),
  /** What is being deleted. */
  inventory: ObjectRef.optional(),
  deleted: Deleted.optional(),
  /** The inventory of an import's deletion in its project, and the result. */
  retracting: ObjectRef.optional(),
  retracted: Deleted.optional(),
};

const Rejected = z.object({
  status: z.literal('rejected'),
  ...common,
  ...sealFields,
  votes: z.array(Vote),
  rejectedAt: timestamp,
  ...closureFields,
});
const Withdrawn = z.object({
  status: z.literal('withdrawn'),
  ...common,
  reason: z.string(),
  withdrawnAt: timestamp,
  ...closureFields,
});
const Revoked = z.object({
  status: z.literal('revoked'),
  ...common,
  ...approvalFields,
  release: RequestRelease.optional(),
  revokedBy: Someone,
  reason: z.string(),
  revokedAt: timestamp,
  ...closureFields,
});
const TimedOut = z.object({
  status: z.literal('timedOut'),
  ...common,
  reason: z.string(),
  /** The review to continue when the request is resumed. Without one, the files are sealed again. */
  review: InReview.optional(),
  timedOutAt: timestamp,
  expiresAt: timestamp,
});
const Expired = z.object({
  status: z.literal('expired'),
  ...common,
  was: z.string(),
  release: RequestRelease.optional(),
  expiredAt: timestamp,
  ...closureFields,
});

export const Request = z.discriminatedUnion('status', [
  Draft,
  Submitted,
  Checking,
  InReview,
  Returned,
  Blocked,
  Approved,
  Releasing,
  Released,
  Rejected,
  Withdrawn,
  Revoked,
  TimedOut,
  Expired,
]);
export type Request = z.infer<typeof Request>;
export type Status = Request['status'];
export type RequestIn<S extends Status> = Extract<Request, { status: S }>;
export const statuses = Request.options.map(({ shape }) => shape.status.value) as readonly Status[];

/** Whether a workflow is sealing or checking it. */
export const isUnderWay = (request: Request): request is RequestIn<'submitted'> | RequestIn<'checking'> =>
  request.status === 'submitted' || request.status === 'checking';

/** Whether the request is in a final state. */
export const isFinal = ({ status }: Request): boolean =>
  status === 'rejected' || status === 'withdrawn' || status === 'revoked' || status === 'expired';

/** What every state of a request has. */
export const identity = (request: Request) => ({
  id: request.id,
  project: request.project,
  requester: request.requester,
  requesterName: request.requesterName,
  title: request.title,
  direction: request.direction,
  ...(request.recipient && { recipient: request.recipient }),
  source: request.source,
  groups: request.groups,
  explanation: request.explanation,
  openedAt: request.openedAt,
  round: request.round,
  attempt: request.attempt,
  done: request.done,
});

/** What an approval carries through release and revocation. */
export const approval = (request: Omit<RequestIn<'approved'>, 'status'>) => ({
  seal: request.seal,
  report: request.report,
  votes: request.votes,
  withheld: request.withheld,
  approvedAt: request.approvedAt,
});
