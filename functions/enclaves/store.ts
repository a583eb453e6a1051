import { changeRows } from '../change.ts';
import type { Decision } from '../decision.ts';
import { outboxRow } from '../events/outbox.ts';
import { rowKey } from '../keys.ts';
import { pageRows, readRow } from '../table.ts';
import type { RunState } from './enclaves.ts';
import { EnclaveRun } from './schemas.ts';

const RUN_PREFIX = 'RUN#';
const runKey = (project: string, id: string) => rowKey('enclave', project, `${RUN_PREFIX}${id}`);

/** A party's own list, across projects. No project has such an id. */
const partyKey = (person: string, id: string) => rowKey('enclave', `?${person}`, `${RUN_PREFIX}${id}`);

export const readEnclaveRun = (table: string, project: string, id: string) =>
  readRow(table, EnclaveRun, runKey(project, id));

/** The runs of a project, the newest first. */
export const pageEnclaveRuns = (
  table: string,
  project: string,
  paging: { limit?: number; next?: string | undefined },
) => pageRows(table, EnclaveRun, runKey(project, '').pk, { ...paging, prefix: RUN_PREFIX });

/** The runs that a person decides about, the newest first. */
export const pagePartyRuns = (table: string, person: string, paging: { limit?: number; next?: string | undefined }) =>
  pageRows(table, EnclaveRun, partyKey(person, '').pk, { ...paging, prefix: RUN_PREFIX });

/** Reads a run, decides, and writes it with its events. */
export function changeEnclaveRun(
  table: string,
  { project, id }: { project: string; id: string },
  decide: (state: RunState) => Decision<RunState>,
  now: string,
): Promise<Decision<RunState>> {
  return changeRows(
    table,
    `run ${id}`,
    async () => ({ run: await readEnclaveRun(table, project, id) }),
    decide,
    ({ state: { run }, events }, read) => [
      ...(run && run !== read.run
        ? [
            { key: runKey(project, id), item: run, read: read.run },
            ...Object.values(run.parties).map(person => ({ key: partyKey(person.id, id), item: run })),
          ]
        : []),
      ...(events.length > 0 ? [outboxRow(runKey(project, '').pk, events, now)] : []),
    ],
  );
}
