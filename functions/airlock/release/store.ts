import { rowKey } from '../../keys.ts';
import { Refused } from '../../refused.ts';
import { addWithinLimit, createRow, type RowWrite, readRow, writeRows } from '../../table.ts';
import { Grant, tokenHash } from './link.ts';

const grantKey = (project: string, request: string) => rowKey('download', `${project}#${request}`);
const tries = 8;

/** Counts what a link gives. False, and nothing is counted, where that would be more than `most` in all. */
export const countGiven = (
  table: string,
  project: string,
  request: string,
  token: string,
  bytes: number,
  most: number,
) => addWithinLimit(table, rowKey('download', `${project}#${request}`, `GIVEN#${tokenHash(token)}`), bytes, most);

/** Allows a release to be fetched. Saying so again changes nothing; a grant for other bytes is a fault. */
export async function createGrant(table: string, grant: Grant): Promise<void> {
  const at = grantKey(grant.project, grant.request);
  if (await createRow(table, at, grant)) return;
  const held = await readRow(table, Grant, at);
  if (held?.seal !== grant.seal) throw new Error(`${grant.request} is granted for the seal ${held?.seal} already`);
}

export async function readGrant(table: string, project: string, request: string) {
  const row = await readRow(table, Grant, grantKey(project, request));
  if (!row) throw new Refused('missing', 'This release does not exist, or it belongs to somebody else.');
  return row;
}

/**
 * Reads the grant, lets `decide` say what becomes of it, and writes that over the very revision that was read, together
 * with what `tells` it; where somebody was faster, all over again. So two who take the last use at once can't both have
 * it, and nobody has anything that is not on record.
 */
export async function changeGrant<R extends { readonly grant: Grant }>(
  table: string,
  project: string,
  request: string,
  decide: (grant: Grant) => R,
  tells: (decided: R) => RowWrite[] = () => [],
): Promise<R> {
  for (let tried = 0; tried < tries; tried++) {
    const read = await readGrant(table, project, request);
    const decided = decide(read);
    const same = { key: grantKey(project, request), read, item: decided.grant };
    const writes = [...(decided.grant === read ? [] : [same]), ...tells(decided)];
    if (writes.length === 0 || (await writeRows(table, writes))) return decided;
  }
  throw new Error(`the grant of ${request} was changed by others ${tries} times in a row`);
}
