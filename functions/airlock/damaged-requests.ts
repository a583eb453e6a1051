import { changeRows } from '../change.ts';
import type { Caller } from '../http/http.ts';
import { createRow } from '../table.ts';
import { loadContext } from './decision-context.ts';
import type { AirlockConfig } from './request/airlock-config.ts';
import { closeDamagedRequest, type DamagedRequest, withdrawnForm } from './request/damage.ts';
import type { RequestDecision } from './request/decision.ts';
import type { RequestSummary } from './request/summary.ts';
import { dueKey, requestRows } from './store.ts';

/**
 * Makes a damaged request due, so that the next sweep fails on it and its alarm names it, every hour until somebody closes
 * the request. A repeated call changes nothing.
 */
export async function announceDamage(
  table: string,
  { id: request, project, openedAt: due }: Pick<RequestSummary, 'id' | 'project' | 'openedAt'>,
): Promise<void> {
  await createRow(table, dueKey({ due, request }), { project, request, due });
}

/** Revokes a damaged request and replaces its rows. */
export async function revokeDamagedRequest(
  { table, pool, rules }: { table: string; pool: string; rules: AirlockConfig },
  damaged: DamagedRequest,
  { actor, reason, now }: { actor: Caller; reason: string; now: string },
): Promise<RequestDecision> {
  const form = withdrawnForm(damaged, now);
  const facts = await loadContext({ table, pool, rules }, form, actor);
  const read = { ...form, revision: Number(damaged.row.revision) };
  return changeRows(
    table,
    damaged.id,
    async () => read,
    () => closeDamagedRequest(damaged, { by: actor, reason }, now, facts),
    decision => requestRows(decision, read, now),
  );
}
