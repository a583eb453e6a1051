import * as z from 'zod';
import { ProjectId } from '../../projects/projects.ts';
import { Direction } from './airlock-config.ts';
import { dueAt } from './deadlines.ts';
import { type Request, RequestId, statuses } from './request.ts';

/** A request as lists have it. */
export const Summary = z.object({
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
export type Summary = z.infer<typeof Summary>;

export const summaryOf = (of: Request): Summary => ({
  id: of.id,
  project: of.project,
  title: of.title,
  direction: of.direction,
  requester: of.requester,
  requesterName: of.requesterName,
  status: of.status,
  round: of.round,
  openedAt: of.openedAt,
  due: dueAt(of),
});
