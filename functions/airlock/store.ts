import * as z from 'zod';
import { key } from '../keys.ts';
import { Refused } from '../refused.ts';
import { createRow, pageRows, type Row, readRow, replaceRow, type Write, writeRows } from '../table.ts';
import { type Decision, Happened, Round } from './decision.ts';
import type { Volume } from './gather.ts';
import { Request } from './request.ts';
import { Summary, summaryOf } from './summary.ts';

/** What happened at one change of a request, kept beside it for good. */
export const Entry = z.object({ at: z.iso.datetime(), events: z.array(Happened).readonly() });

const requestKey = (id: string) => key('airlock', id);
const numbered = (revision: number) => String(revision).padStart(8, '0');

/** All rows of a request change in one write: the request, both lists, its trail, and the round where one ended. */
function writes({ request, events, ended }: Decision, read: Row<Request> | undefined, at: string): Write[] {
  const { id, project, round } = request;
  const summary = summaryOf(request);
  return [
    { key: requestKey(id), read, item: request },
    { key: key('airlocks', project, id), read, item: summary },
    // Once more for reviewers, whose queue has all projects. No project has an empty id.
    { key: key('airlocks', '', id), read, item: summary },
    ...(events.length > 0
      ? [
          {
            key: key('airlock', id, `EVENT#${numbered((read?.revision ?? 0) + 1)}`),
            read: undefined,
            item: { at, events } satisfies z.infer<typeof Entry>,
          },
        ]
      : []),
    ...(ended
      ? [{ key: key('airlock', id, `ROUND#${numbered(round)}#${ended.outcome}`), read: undefined, item: ended }]
      : []),
  ];
}

export async function createRequest(table: string, decision: Decision, at: string): Promise<void> {
  if (!(await writeRows(table, writes(decision, undefined, at))))
    throw new Refused('conflict', 'Two requests were drafted at the same moment. Ask again with a new key.');
}

/** The request, in that project: under any other there is none. */
export async function readRequest(table: string, project: string, id: string): Promise<Row<Request>> {
  const row = await readRow(table, Request, requestKey(id));
  if (row?.project !== project) throw new Refused('missing', `There is no request ${id} in project ${project}.`);
  return row;
}

const tries = 8;

/** Reads a request, lets `decide` say what becomes of it, and writes that unless somebody was faster: then all over again. */
export async function change(
  table: string,
  { project, id, at }: { project: string; id: string; at: string },
  decide: (read: Request) => Decision | Promise<Decision>,
): Promise<Decision> {
  for (let tried = 0; tried < tries; tried++) {
    const { revision, ...read } = await readRequest(table, project, id);
    const decision = await decide(read);
    if (decision.request === read && decision.events.length === 0) return decision;
    if (await writeRows(table, writes(decision, { ...read, revision }, at))) return decision;
  }
  throw new Error(`${id} was changed by others ${tries} times in a row`);
}

interface Paging {
  readonly limit?: number | undefined;
  readonly next?: string | undefined;
}

/** A project's requests, or with an empty project all there are. */
export const pageRequests = (table: string, project: string, page: Paging) =>
  pageRows(table, Summary, key('airlocks', project).pk, { ...page, prefix: 'al-' });

export const pageTrail = (table: string, id: string, page: Paging) =>
  pageRows(table, Entry, requestKey(id).pk, { ...page, prefix: 'EVENT#' });

export const pageRounds = (table: string, id: string, page: Paging) =>
  pageRows(table, Round, requestKey(id).pk, { ...page, prefix: 'ROUND#' });

const Day = z.object({ volume: z.record(z.string(), z.number()) });

/** Lets `admit` say what becomes of a project's volume of a day, and writes that. */
export async function changeVolume<T>(
  table: string,
  project: string,
  day: string,
  admit: (volume: Volume) => { volume: Volume } | T,
): Promise<{ volume: Volume } | T> {
  const at = key('airlocks', project, `DAY#${day}`);
  for (let tried = 0; tried < tries; tried++) {
    const read = await readRow(table, Day, at);
    const admitted = admit(read?.volume ?? {});
    if (typeof admitted !== 'object' || admitted === null || !('volume' in admitted)) return admitted;
    const item = { volume: admitted.volume };
    if (read ? await replaceRow(table, at, read, item) : await createRow(table, at, item)) return admitted;
  }
  throw new Error(`the volume of ${project} was changed by others ${tries} times in a row`);
}
