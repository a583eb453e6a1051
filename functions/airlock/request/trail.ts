import * as z from 'zod';
import { ProjectId } from '../../projects/schemas.ts';
import type { AirlockEventDetail } from '../events.ts';
import { RequestEvent } from './decision.ts';
import { type Request, RequestId } from './request.ts';

/**
 * The events of one change, one access or one download, stored permanently as one row. It holds everything that the
 * published events contain, and what they leave out: names and quotes of files.
 */
export const TrailEntry = z.object({
  request: RequestId,
  project: ProjectId,
  round: z.number().int(),
  status: z.string(),
  title: z.string(),
  requester: z.string(),
  requesterName: z.string(),
  at: z.iso.datetime(),
  events: z.array(RequestEvent).readonly(),
});
export type TrailEntry = z.infer<typeof TrailEntry>;

export const trailEntry = (request: Request, events: readonly RequestEvent[], timestamp: string): TrailEntry => ({
  request: request.id,
  project: request.project,
  round: request.round,
  status: request.status,
  title: request.title,
  requester: request.requester,
  requesterName: request.requesterName,
  at: timestamp,
  events,
});

/** The prefix of the trail's sort keys. */
export const TRAIL_PREFIX = 'EVENT#';

/**
 * The sort key of a row: the time, then the revision that was written or read. `mark` makes accesses to one revision
 * unique. Changes, accesses and downloads share this order.
 */
export const trailKey = (timestamp: string, revision: number, mark = ''): string =>
  `${TRAIL_PREFIX}${timestamp}#${String(revision).padStart(8, '0')}${mark && `#${mark}`}`;

/** The events of a row, each with an id that stays the same when it is sent again. */
export const trailEvents = (
  { events, ...request }: TrailEntry,
  sk: string,
): [RequestEvent['name'], AirlockEventDetail][] =>
  events.map(({ name, path: _, quote: __, ...happened }, index) => [
    name,
    { ...request, ...happened, id: `${request.request}/${sk.slice(TRAIL_PREFIX.length)}/${index}` },
  ]);
