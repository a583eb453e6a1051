import { changeRows } from '../../change.ts';
import { rowKey } from '../../keys.ts';
import { Refused } from '../../refused.ts';
import { addWithinLimit, createRow, type RowWrite, readRow } from '../../table.ts';
import { Grant, tokenHash } from './link.ts';

const grantKey = (project: string, request: string) => rowKey('download', `${project}#${request}`);

/** Counts the bytes that a link transfers. Returns false and counts nothing if the total would exceed `maxBytes`. */
export const countGiven = (
  table: string,
  project: string,
  request: string,
  token: string,
  bytes: number,
  maxBytes: number,
) => addWithinLimit(table, rowKey('download', `${project}#${request}`, `GIVEN#${tokenHash(token)}`), bytes, maxBytes);

/** Creates the grant of a release. Repeating it changes nothing; a grant for another seal is an error. */
export async function createGrant(table: string, grant: Grant): Promise<void> {
  const key = grantKey(grant.project, grant.request);
  if (await createRow(table, key, grant)) return;
  const storedGrant = await readRow(table, Grant, key);
  if (storedGrant?.seal !== grant.seal)
    throw new Error(`${grant.request} is granted for the seal ${storedGrant?.seal} already`);
}

export async function readGrant(table: string, project: string, request: string) {
  const row = await readRow(table, Grant, grantKey(project, request));
  if (!row) throw new Refused('missing', 'This release does not exist, or it belongs to somebody else.');
  return row;
}

/**
 * Reads the grant, decides, and writes the new grant with the rows that record it. Of two callers who redeem the last use
 * at the same time, one is refused. Every transfer is on record.
 */
export function changeGrant<R extends { readonly grant: Grant }>(
  table: string,
  project: string,
  request: string,
  decide: (grant: Grant) => R,
  recordRows: (outcome: R) => RowWrite[] = () => [],
): Promise<R> {
  return changeRows(
    table,
    `the grant of ${request}`,
    () => readGrant(table, project, request),
    decide,
    (outcome, read) => [
      ...(outcome.grant === read ? [] : [{ key: grantKey(project, request), read, item: outcome.grant }]),
      ...recordRows(outcome),
    ],
  );
}
