import * as z from 'zod';
import { Direction } from '../../../disclosure/policy.ts';
import { ProjectId } from '../../projects/schemas.ts';
import { nextDeadline } from './deadlines.ts';
import type { ActingPerson } from './decision.ts';
import { type Request, RequestId } from './request.ts';
import { shownStatuses } from './viewer.ts';

/** A request as lists have it. */
export const RequestSummary = z.object({
  id: RequestId,
  project: ProjectId,
  title: z.string(),
  direction: Direction,
  requester: z.string(),
  requesterName: z.string(),
  status: z.enum(shownStatuses),
  round: z.number().int(),
  openedAt: z.iso.datetime(),
  /** By when something must become of it. */
  due: z.iso.datetime().optional(),
  /** For operators: whether too few reviewers may vote, so that it cannot be decided. */
  unreachable: z.boolean().optional(),
});
export type RequestSummary = z.infer<typeof RequestSummary>;

/**
 * What this person may see of a summary. A lack of reviewers can come from a disagreement, which reviewers who have not voted
 * must not learn of.
 */
export const summaryFor = (
  { groups }: Pick<ActingPerson, 'groups'>,
  { unreachable, ...summary }: RequestSummary,
): RequestSummary => ({
  ...summary,
  ...(unreachable && groups.includes('operator') && !groups.includes('reviewer') && { unreachable }),
});

export const summariseRequest = (request: Request): RequestSummary => ({
  id: request.id,
  project: request.project,
  title: request.title,
  direction: request.direction,
  requester: request.requester,
  requesterName: request.requesterName,
  status: request.status,
  round: request.round,
  openedAt: request.openedAt,
  due: nextDeadline(request),
  ...(request.status === 'inReview' && request.shortage === 'needed' && { unreachable: true }),
});
