import { setTimeout as sleep } from 'node:timers/promises';
import { Refused } from './refused.ts';
import { type RowWrite, writeRows } from './table.ts';

const MAX_TRIES = 8;

/** Too many callers changed the same thing at the same moment. Workflows retry it; the API answers 409. */
export class WriteConflict extends Refused {
  constructor(subject: string) {
    super('conflict', `Several callers are changing ${subject} at the same time. Try again in a moment.`);
    this.name = 'WriteConflict';
  }
}

/**
 * Reads, decides and writes. If another writer changed the row first, it starts again after a random wait, at most eight
 * times. `subject` names the changed thing in messages. `writes` are the rows of a decision, none if nothing changes.
 */
export async function changeRows<State, Outcome>(
  table: string,
  subject: string,
  read: () => Promise<State>,
  decide: (state: State) => Outcome | Promise<Outcome>,
  writes: (decision: Outcome, state: State) => readonly RowWrite[],
): Promise<Outcome> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (tries > 0) await sleep(Math.random() * 50 * 2 ** Math.min(tries, 5));
    const state = await read();
    const decision = await decide(state);
    const rows = writes(decision, state);
    if (rows.length === 0 || (await writeRows(table, rows))) return decision;
  }
  throw new WriteConflict(subject);
}
