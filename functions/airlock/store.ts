import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { changeRows } from '../change.ts';
import { outgoingEvent } from '../contract.ts';
import { outboxRow } from '../events/outbox.ts';
import { logger } from '../handler.ts';
import { type RowKey, rowKey } from '../keys.ts';
import { Refused } from '../refused.ts';
import { DamagedRow, type Page, pageRows, type Row, type RowWrite, readRow, writeRows } from '../table.ts';
import { airlockEvents } from './events.ts';
import { DamagedRequest, damagedSummary } from './request/damage.ts';
import { sweepAt } from './request/deadlines.ts';
import type { RequestDecision, RequestEvent } from './request/decision.ts';
import { day, Request, RequestId } from './request/request.ts';
import { RequestSummary, summariseRequest } from './request/summary.ts';
import { TRAIL_PREFIX, TrailEntry, trailEntry, trailEvents, trailKey } from './request/trail.ts';
import type { SubmittedVolumes } from './request/volumes.ts';
import { roundKey } from './rounds.ts';

const requestKey = (id: string) => rowKey('airlock', id);

/** A request with a deadline or a pending deletion, sorted by due time. Any row can be read, so that none stops the sweep. */
export const DueRow = z.object({
  project: z.string().catch(''),
  request: z.string().catch(''),
  due: z.string().catch(''),
  sk: z.string(),
});
export type DueRow = z.infer<typeof DueRow>;
export const dueKey = ({ due, request }: Pick<DueRow, 'due' | 'request'>) => rowKey('due', '', `${due}#${request}`);

function dueRows(
  { id: request, project }: Request,
  oldDue: string | undefined,
  newDue: string | undefined,
): RowWrite[] {
  if (oldDue === newDue) return [];
  return [
    ...(oldDue === undefined ? [] : [{ key: dueKey({ due: oldDue, request }), gone: true } as const]),
    ...(newDue === undefined
      ? []
      : [
          {
            key: dueKey({ due: newDue, request }),
            item: { project, request, due: newDue } satisfies Omit<DueRow, 'sk'>,
          },
        ]),
  ];
}

/** The list of requests that wait for reviewers or operators. No project can have this id. */
export const WAITING_SUFFIX = '?waiting';
const isWaiting = ({ status }: Request) => status === 'inReview' || status === 'approved' || status === 'timedOut';

/** All rows of a request change in one write: the request, its lists, its trail, and the round where one ended. */
export function requestRows(
  { state, events, ended: endedRound }: RequestDecision,
  read: Row<Request> | undefined,
  timestamp: string,
): RowWrite[] {
  const { id, project, round } = state;
  const summary = summariseRequest(state);
  return [
    { key: requestKey(id), read, item: state },
    { key: rowKey('airlocks', project, id), read, item: summary },
    // The queue of reviewers lists all projects. No project has an empty id.
    { key: rowKey('airlocks', '', id), read, item: summary },
    // Listed here while the request waits for somebody.
    isWaiting(state)
      ? { key: rowKey('airlocks', WAITING_SUFFIX, id), item: summary }
      : { key: rowKey('airlocks', WAITING_SUFFIX, id), gone: true },
    ...dueRows(state, read && sweepAt(read), sweepAt(state)),
    ...(events.length > 0
      ? trailRows(
          rowKey('airlock', id, trailKey(timestamp, (read?.revision ?? 0) + 1)),
          trailEntry(state, events, timestamp),
        )
      : []),
    ...(endedRound
      ? [
          {
            key: roundKey(id, round, endedRound.outcome),
            read: undefined,
            item: endedRound,
          },
        ]
      : []),
  ];
}

/** An entry of the trail, which is permanent, and its events on their way to the bus. */
function trailRows(key: RowKey, entry: TrailEntry): RowWrite[] {
  const events = trailEvents(entry, key.sk).map(([name, detail]) => outgoingEvent(airlockEvents[name], detail));
  return [{ key, read: undefined, item: entry }, outboxRow(key.pk, events, entry.at)];
}

const DraftMark = z.object({ request: RequestId });

/** Writes a new request. A repeated call with the same idempotency mark returns the request that exists. */
export async function createRequest(
  table: string,
  decision: RequestDecision,
  timestamp: string,
  mark: string,
): Promise<Request> {
  const { id: request, project } = decision.state;
  const draftKey = rowKey('airlocks', project, `DRAFT#${mark}`);
  // For as long as an idempotency key is accepted.
  const ttl = Math.floor(Date.parse(timestamp) / 1000) + day;
  const rows = [
    ...requestRows(decision, undefined, timestamp),
    ...(mark ? [{ key: draftKey, read: undefined, item: { request, ttl } }] : []),
  ];
  if (await writeRows(table, rows)) return decision.state;
  const draftRow = mark ? await readRow(table, DraftMark, draftKey) : undefined;
  if (!draftRow)
    throw new Refused(
      'conflict',
      'Another call with the same idempotency key drafted a request at the same time. Try again, with a new Idempotency-Key.',
    );
  const { revision: _, ...read } = await readRequest(table, project, draftRow.request);
  return read;
}

function logDamage({ message }: DamagedRow): undefined {
  logger.error('a row is damaged', { row: message });
}

/** Reads a request of this project; refuses under any other project, and with DamagedRequest if its row cannot be read. */
export async function readRequest(table: string, project: string, id: string): Promise<Row<Request>> {
  const row = await readRow(table, Request, requestKey(id)).catch((error: unknown) => {
    if (!(error instanceof DamagedRow)) throw error;
    if (error.item.project !== project) return undefined;
    logDamage(error);
    throw new DamagedRequest(id, project, error.item, error.fields);
  });
  if (row?.project !== project) throw new Refused('missing', `There is no request ${id} in project ${project}.`);
  return row;
}

/** Reads a request, decides and writes the result. Repeats when another write came first. */
export function changeRequest(
  table: string,
  { project, id, at: timestamp }: { project: string; id: string; at: string },
  decide: (read: Request) => RequestDecision | Promise<RequestDecision>,
): Promise<RequestDecision> {
  return changeRows(
    table,
    id,
    async () => {
      const { revision, ...request } = await readRequest(table, project, id);
      return { request, revision };
    },
    ({ request }) => decide(request),
    (decision, { request, revision }) =>
      decision.state === request && decision.events.length === 0
        ? []
        : requestRows(decision, { ...request, revision }, timestamp),
  );
}

/**
 * The trail of an access that does not change the request: a view or a download. It has its own partition, so that
 * functions that open files can write such rows and nothing else.
 */
export const viewRows = (request: Request, revision: number, event: RequestEvent, timestamp: string): RowWrite[] =>
  trailRows(
    rowKey('look', request.id, trailKey(timestamp, revision, randomUUID().slice(0, 8))),
    trailEntry(request, [event], timestamp),
  );

/** Records an access. Content is shown only after this write. */
export async function recordLook(
  table: string,
  request: Request,
  revision: number,
  event: RequestEvent,
  timestamp: string,
) {
  if (!(await writeRows(table, viewRows(request, revision, event, timestamp))))
    throw new Error(`a look at ${request.id} could not be put on record`);
}

interface Paging {
  readonly limit?: number | undefined;
  readonly next?: string | undefined;
}

/** A page of a project's requests; of all projects when `project` is empty. Damaged ones are in it as such. */
export const pageRequests = (table: string, project: string, page: Paging) =>
  pageRows(table, RequestSummary, rowKey('airlocks', project).pk, {
    ...page,
    prefix: 'al-',
    recover(damage) {
      logDamage(damage);
      return damagedSummary(damage.item);
    },
  });

/**
 * A page of the trail, newest first, reduced to what `see` allows. It skips hidden entries, and its token is the time of
 * the last visible event, so neither pages nor tokens reveal hidden ones. A page never ends between two events of one
 * instant.
 */
export async function pageTrail<T extends { readonly at: string }>(
  table: string,
  id: string,
  { limit = 50, next }: Paging,
  see: (entry: TrailEntry) => T[],
): Promise<Page<T>> {
  const items: T[] = [];
  const changes = entriesOf(table, requestKey(id).pk, next);
  const accesses = entriesOf(table, rowKey('look', id).pk, next);
  for await (const entry of newestFirst(changes, accesses)) {
    const visible = see(entry);
    const last = items.at(-1);
    if (last && items.length >= limit && visible.length > 0 && entry.at < last.at)
      return { items, next: Buffer.from(TRAIL_PREFIX + last.at).toString('base64url') };
    items.push(...visible.reverse());
  }
  return { items };
}

/** Every view and download of a request, newest first. */
export const listLooks = (table: string, id: string): AsyncGenerator<TrailEntry> =>
  entriesOf(table, rowKey('look', id).pk, undefined);

const SortedEntry = TrailEntry.extend({ sk: z.string() });
type SortedEntry = z.infer<typeof SortedEntry>;

async function* entriesOf(table: string, pk: string, next: string | undefined): AsyncGenerator<SortedEntry> {
  for (let cursor = next, hasNext = true; hasNext; hasNext = cursor !== undefined) {
    const page = await pageRows(table, SortedEntry, pk, {
      limit: 200,
      next: cursor,
      prefix: TRAIL_PREFIX,
      recover: logDamage,
    });
    yield* page.items;
    cursor = page.next;
  }
}

/** Merges two lists that are each sorted newest first. */
async function* newestFirst(
  first: AsyncGenerator<SortedEntry>,
  second: AsyncGenerator<SortedEntry>,
): AsyncGenerator<SortedEntry> {
  let [firstHead, secondHead] = await Promise.all([first.next(), second.next()]);
  while (!firstHead.done || !secondHead.done) {
    if (secondHead.done || (!firstHead.done && firstHead.value.sk >= secondHead.value.sk)) {
      yield firstHead.value as SortedEntry;
      firstHead = await first.next();
    } else {
      yield secondHead.value;
      secondHead = await second.next();
    }
  }
}

const Day = z.object({ volume: z.record(z.string(), z.number()) });

/**
 * Changes the day's volumes of a request's project and of its requester in one write. A person's volume counts all
 * projects together; no project id begins with `@`.
 */
export function changeVolumes<T extends { volumes: SubmittedVolumes } | object>(
  table: string,
  { project, requester, direction }: Pick<Request, 'project' | 'requester' | 'direction'>,
  day: string,
  admit: (volumes: SubmittedVolumes) => T,
): Promise<T> {
  const [projectDay, personDay] = [project, `@${requester}`].map(subject =>
    rowKey('airlocks', subject, `DAY#${direction}#${day}`),
  ) as [RowKey, RowKey];
  return changeRows(
    table,
    `the submitted volume of ${project}`,
    () => Promise.all([readRow(table, Day, projectDay), readRow(table, Day, personDay)]),
    ([ofProject, ofPerson]) => admit({ project: ofProject?.volume ?? {}, person: ofPerson?.volume ?? {} }),
    (admission, [ofProject, ofPerson]) =>
      'volumes' in admission
        ? [
            { key: projectDay, read: ofProject, item: { volume: admission.volumes.project } },
            { key: personDay, read: ofPerson, item: { volume: admission.volumes.person } },
          ]
        : [],
  );
}
