import { logger } from '../handler.ts';
import { rowKey } from '../keys.ts';
import { Refused } from '../refused.ts';
import { pageRows } from '../table.ts';
import { Round } from './request/decision.ts';

const ROUND_PREFIX = 'ROUND#';

/** Where a completed round of a request is stored. */
export const roundKey = (id: string, round: number, outcome: string) =>
  rowKey('airlock', id, `${ROUND_PREFIX}${String(round).padStart(8, '0')}#${outcome}`);

/** The completed rounds of a request, newest first. */
export const pageRounds = (table: string, id: string, page: { limit?: number; next?: string | undefined }) =>
  pageRows(table, Round, rowKey('airlock', id).pk, {
    ...page,
    prefix: ROUND_PREFIX,
    recover({ message }) {
      logger.error('a row is damaged', { row: message });
      return undefined;
    },
  });

/** A completed round by its number. */
export async function readRound(table: string, id: string, round: number): Promise<Round> {
  const { pk, sk: prefix } = roundKey(id, round, '');
  const [row] = (await pageRows(table, Round, pk, { limit: 1, prefix })).items;
  if (!row) throw new Refused('missing', `${id} has no completed round ${round}. See broch airlock rounds.`);
  return row;
}
