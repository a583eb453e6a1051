import * as z from 'zod';
import { ProjectId } from '../../projects/projects.ts';
import type { AirlockEventDetail } from '../events.ts';
import { RequestEvent } from './decision.ts';
import { type Request, RequestId } from './request.ts';

/**
 * What happened at one change of a request, at one look at it, or at one download: a row of its own, kept for good. It
 * holds all that its events say, as whoever sends them has nothing else.
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

export const trailEntry = (request: Request, events: readonly RequestEvent[], at: string): TrailEntry => ({
  request: request.id,
  project: request.project,
  round: request.round,
  status: request.status,
  title: request.title,
  requester: request.requester,
  requesterName: request.requesterName,
  at,
  events,
});

/** The trail's rows in the request's partition. */
export const TRAIL_PREFIX = 'EVENT#';

/**
 * The sort key of a row: by time, then by the request's revision that it made, or that was looked at; `mark` tells looks
 * at one revision apart. So changes, looks and downloads page in one order.
 */
export const trailKey = (at: string, revision: number, mark = ''): string =>
  `${TRAIL_PREFIX}${at}#${String(revision).padStart(8, '0')}${mark && `#${mark}`}`;

/** The events of a row, each with an id that is the same however often it is sent. */
export const trailEvents = (
  { events, ...request }: TrailEntry,
  sk: string,
): [RequestEvent['name'], AirlockEventDetail][] =>
  events.map(({ name, ...happened }, index) => [
    name,
    { ...request, ...happened, id: `${request.request}/${sk.slice(TRAIL_PREFIX.length)}/${index}` },
  ]);
