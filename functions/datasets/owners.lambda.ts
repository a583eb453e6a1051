import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { startExecution } from '../executions.ts';
import { stepHandler } from '../handler.ts';
import { readGroups } from '../people.ts';
import { changeTerms, pageCatalogue } from './store.ts';
import { decideTerms, isRetentionOver } from './terms.ts';

export const env = z.object({ TABLE_NAME: z.string(), POOL_ID: z.string(), MACHINE: z.string() });
const { TABLE_NAME, POOL_ID, MACHINE } = env.parse(process.env);

/** Withdraws a dataset whose retention has ended. A repeated call starts nothing twice. */
async function endRetention(dataset: string, now: string): Promise<void> {
  await changeTerms(TABLE_NAME, dataset, read => decideTerms(read, { do: 'endRetention' }, now), now);
  await startExecution(MACHINE, `${dataset}-withdrawal`, { dataset });
}

/** Every minute: suspends the datasets of owners who are no data stewards any more, and withdraws those whose time is over. */
export const handler = stepHandler(z.object({}), async () => {
  const groups = new Map<string, Promise<boolean>>();
  let [suspendedCount, retentionCount] = [0, 0];
  for (let next: string | undefined; ; ) {
    const page = await pageCatalogue(TABLE_NAME, { limit: 100, next });
    for (const terms of page.items) {
      const { dataset, owner, ownerName, withdrawn: withdrawal, suspended: suspension } = terms;
      const now = currentTime();
      if (!withdrawal && isRetentionOver(terms, now)) {
        await endRetention(dataset, now);
        retentionCount++;
        continue;
      }
      if (withdrawal || suspension) continue;
      const person = { id: owner, name: ownerName };
      const isSteward = groups.get(owner) ?? readGroups(POOL_ID, person).then(names => names.includes('steward'));
      groups.set(owner, isSteward);
      if (await isSteward) continue;
      await changeTerms(TABLE_NAME, dataset, read => decideTerms(read, { do: 'lapse', owner }, now), now);
      suspendedCount++;
    }
    next = page.next;
    if (next === undefined) return { suspended: suspendedCount, withdrawn: retentionCount };
  }
});
