import * as z from 'zod';
import { Direction } from '../../../disclosure/policy.ts';
import { ProjectId } from '../../projects/projects.ts';
import { nextDeadline } from './deadlines.ts';
import { type Request, RequestId, statuses } from './request.ts';

/** A request as lists have it. */
export const RequestSummary = z.object({
  id: RequestId,
  project: ProjectId,
  title: z.string(),
  direction: Direction,
  requester: z.string(),
  requesterName: z.string(),
  status: z.enum(statuses),
  round: z.number().int(),
  openedAt: z.iso.datetime(),
  /** By when something must become of it. */
  due: z.iso.datetime().optional(),
});
export type RequestSummary = z.infer<typeof RequestSummary>;

export const summariseRequest = (of: Request): RequestSummary => ({
  id: of.id,
  project: of.project,
  title: of.title,
  direction: of.direction,
  requester: of.requester,
  requesterName: of.requesterName,
  status: of.status,
  round: of.round,
  openedAt: of.openedAt,
  due: nextDeadline(of),
});
