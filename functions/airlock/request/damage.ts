import * as z from 'zod';
import { Direction } from '../../../disclosure/policy.ts';
import { ObjectRef } from '../../identifiers.ts';
import { ProjectId } from '../../projects/schemas.ts';
import { Refused } from '../../refused.ts';
import { type ActingPerson, type Context, type RequestDecision, requestEvent } from './decision.ts';
import { Seal } from './manifest.ts';
import {
  addSeconds,
  common,
  Deleted,
  day,
  RequestId,
  type RequestIn,
  RequestRelease,
  RequestReport,
  Someone,
  uploads,
} from './request.ts';
import type { RequestView } from './request-view.ts';
import { judging } from './reviewer-commands.ts';
import type { RequestSummary } from './summary.ts';
import { Vote } from './votes.ts';

type RowFields = Readonly<Record<string, unknown>>;

const UNREADABLE = 'unreadable';
const placeholderGroup = {
  name: UNREADABLE,
  kind: 'supporting' as const,
  purpose: UNREADABLE,
  context: '',
  controls: '',
  paths: ['**'],
};
/** A field that is absent if it cannot be read. */
const optionalField = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);

/** Each field of a request by itself: a field that cannot be read has a placeholder, or is absent. */
const ReadableFields = z.object({
  requester: z.string().min(1).catch(UNREADABLE),
  requesterName: z.string().min(1).catch(UNREADABLE),
  title: common.title.catch('Damaged request'),
  recipient: optionalField(Someone),
  source: optionalField(common.source),
  direction: optionalField(Direction),
  groups: common.groups.catch([placeholderGroup]),
  explanation: common.explanation.catch(''),
  // Content is deleted by the request's prefix for all rounds, but only if there was one.
  round: common.round.catch(1),
  attempt: common.attempt.catch(0),
  done: common.done.catch([]),
  status: optionalField(z.string()),
  seal: optionalField(Seal),
  report: optionalField(RequestReport),
  votes: z.array(Vote).catch([]),
  withheld: z.array(z.string()).catch([]),
  approvedAt: optionalField(z.iso.datetime()),
  release: optionalField(RequestRelease),
  token: optionalField(z.string()),
  inventory: optionalField(ObjectRef),
  deleted: optionalField(Deleted),
  retracting: optionalField(ObjectRef),
  retracted: optionalField(Deleted),
});

/** The first eleven digits of an id are the time at which the request was drafted. */
const draftTime = (id: string): string => new Date(Number.parseInt(id.slice(3, 14), 16)).toISOString();

/** What can be read of a damaged row. `id` and `project` come from keys that were already compared. */
function readFields(row: RowFields, id: string, project: string) {
  const { source: readableSource, direction: readableDirection, ...fields } = ReadableFields.parse(row);
  const direction: Direction = readableDirection ?? (readableSource?.startsWith('uploads/') ? 'import' : 'export');
  const fallback = direction === 'import' ? uploads(id) : `data/outbox/${UNREADABLE}/`;
  return { ...fields, id, project, direction, source: readableSource ?? fallback, openedAt: draftTime(id) };
}

/** A request whose row cannot be read. Answers show what can be read, and revoking the request replaces the row. */
export class DamagedRequest extends Refused {
  readonly row: RowFields;
  readonly id: string;
  readonly project: string;
  constructor(id: string, project: string, row: RowFields, fields: readonly string[]) {
    super(
      'conflict',
      `${id} is damaged: its row has fields that cannot be read (${fields.join(', ')}). A reviewer or an operator can close it with \`broch airlock revoke\`; then submit the files in a new request.`,
    );
    this.name = 'DamagedRequest';
    this.row = row;
    this.id = id;
    this.project = project;
  }
}

const Listed = z.object({ project: ProjectId.catch(UNREADABLE), id: RequestId });

/** A damaged request in a list; undefined if not even its id can be read. */
export function damagedSummary(row: RowFields): RequestSummary | undefined {
  const result = Listed.safeParse({ ...row, id: row.sk });
  if (!result.success) return undefined;
  const { id, project, title, direction, requester, requesterName, round, openedAt } = readFields(
    row,
    result.data.id,
    result.data.project,
  );
  return { id, project, title, direction, requester, requesterName, status: 'damaged', round, openedAt };
}

export function damagedView({ row, id, project, message }: DamagedRequest): RequestView {
  const fields = readFields(row, id, project);
  const { title, direction, requester, requesterName, source, round, openedAt, groups, explanation } = fields;
  return {
    id,
    project,
    title,
    direction,
    status: 'damaged',
    requester,
    requesterName,
    source,
    round,
    openedAt,
    groups,
    explanation,
    reason: message,
  };
}

/** The damaged request as one that was withdrawn, for decisions about people. */
export function withdrawnForm({ row, id, project }: DamagedRequest, now: string): RequestIn<'withdrawn'> {
  const { requester, requesterName, title, direction, recipient, source, groups, explanation, ...fields } = readFields(
    row,
    id,
    project,
  );
  return {
    id,
    project,
    requester,
    requesterName,
    title,
    direction,
    ...(recipient && { recipient }),
    source,
    groups,
    explanation,
    openedAt: fields.openedAt,
    round: fields.round,
    attempt: fields.attempt,
    done: fields.done,
    status: 'withdrawn',
    reason: 'Its row was damaged.',
    withdrawnAt: now,
    ...(fields.inventory && { inventory: fields.inventory }),
    ...(fields.deleted && { deleted: fields.deleted }),
    ...(fields.retracting && { retracting: fields.retracting }),
    ...(fields.retracted && { retracted: fields.retracted }),
  };
}

const approvedStatuses: readonly (string | undefined)[] = ['approved', 'releasing', 'released', 'revoked'];

/**
 * Revokes a damaged request, whatever its status was, with what can be read of it. Without an approval, or if its seal or
 * report cannot be read, it is withdrawn instead.
 */
export function closeDamagedRequest(
  damaged: DamagedRequest,
  { by: actor, reason }: { by: ActingPerson; reason: string },
  now: string,
  facts: Context,
): RequestDecision {
  const { status: _, withdrawnAt: __, ...closed } = withdrawnForm(damaged, now);
  judging({ ...closed, status: 'withdrawn', withdrawnAt: now }, actor, facts);
  const fields = readFields(damaged.row, damaged.id, damaged.project);
  const { seal, report, votes, release } = fields;
  const retainedUntil = addSeconds(now, (facts.rules.lockDays + facts.rules.graceDays) * day);
  const hasApproval = release !== undefined || approvedStatuses.includes(fields.status);
  return {
    state:
      hasApproval && seal && report
        ? {
            ...closed,
            status: 'revoked',
            seal,
            report,
            votes,
            withheld: fields.withheld,
            approvedAt: fields.approvedAt ?? now,
            ...(release && { release }),
            revokedBy: { id: actor.id, name: actor.name },
            reason,
            revokedAt: now,
            retainedUntil,
          }
        : { ...closed, status: 'withdrawn', reason, withdrawnAt: now, retainedUntil },
    events: [requestEvent('RequestRevoked', reason, actor)],
    reason: 'a damaged request is revoked',
    ...(fields.token !== undefined && { wake: fields.token }),
  };
}
