import * as z from 'zod';
import { changeRows } from '../change.ts';
import { rowKey } from '../keys.ts';
import { Refused } from '../refused.ts';
import { readRow } from '../table.ts';
import { findSettings } from './project-settings.ts';
import type { AirlockConfig } from './request/airlock-config.ts';
import { addSeconds, type Request } from './request/request.ts';
import { isOpen } from './request/requester-commands.ts';
import { applySettings } from './request/settings.ts';

/** The attempts of a person's requests that are being checked, by request, and when each was admitted. */
const CheckTurns = z.object({
  turns: z.record(z.string(), z.object({ attempt: z.number().int(), since: z.iso.datetime() })),
});
type Turns = z.infer<typeof CheckTurns>['turns'];

/** A request as far as a turn depends on it. */
const Progress = z.object({ status: z.string(), attempt: z.number().int() });
type CheckProgress = z.infer<typeof Progress>;

/** A submission is written within the time that the API gives a call. */
const SUBMISSION_SECONDS = 60;

/**
 * Admits a submission if fewer than `limit` of the person's other requests are being sealed and checked. Returns all turns
 * then, without those that have ended, and undefined otherwise.
 */
export function admitTurn(
  turns: Turns,
  progress: ReadonlyMap<string, CheckProgress | undefined>,
  { request, attempt, now, limit }: { request: string; attempt: number; now: string; limit: number },
): Turns | undefined {
  const busyTurns = Object.entries(turns).filter(([id, turn]) => {
    if (id === request) return false;
    const { status, attempt: current = 0 } = progress.get(id) ?? {};
    if (current < turn.attempt) return now < addSeconds(turn.since, SUBMISSION_SECONDS);
    return current === turn.attempt && (status === 'submitted' || status === 'checking');
  });
  if (busyTurns.length >= limit) return undefined;
  return { ...Object.fromEntries(busyTurns), [request]: { attempt, since: now } };
}

/**
 * Gives a person's submission its turn, or refuses it: the Lambdas that one person's requests use at the same time must
 * leave enough for everybody else. Submissions that are refused for another reason need no turn.
 */
export async function admitSubmission(
  table: string,
  rules: AirlockConfig,
  request: Request,
  { person, now }: { person: string; now: string },
): Promise<void> {
  if (!isOpen(request) || request.requester !== person) return;
  const { ruling } = await findSettings(table, request.project);
  const limit = applySettings(rules, ruling?.settings).caps.personChecks;
  const submission = { request: request.id, attempt: request.attempt + 1, now, limit };
  const key = rowKey('airlocks', `@${person}`, 'CHECKS');
  const turns = await changeRows(
    table,
    'your submissions',
    async () => {
      const row = await readRow(table, CheckTurns, key);
      const ids = Object.keys(row?.turns ?? {});
      const rows = await Promise.all(ids.map(id => readRow(table, Progress, rowKey('airlock', id))));
      return { row, progress: new Map(ids.map((id, index) => [id, rows[index]])) };
    },
    ({ row, progress }) => admitTurn(row?.turns ?? {}, progress, submission),
    (nextTurns, { row }) => (nextTurns ? [{ key, read: row, item: { turns: nextTurns } }] : []),
  );
  if (!turns)
    throw new Refused(
      'conflict',
      `${limit} of your requests ${limit === 1 ? 'is' : 'are'} being checked. Submit ${request.id} when one of them has finished.`,
    );
}
