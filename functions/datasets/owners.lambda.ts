import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { readGroups } from '../people.ts';
import { changeTerms, pageCatalogue } from './store.ts';
import { decideTerms } from './terms.ts';

export const env = z.object({ TABLE_NAME: z.string(), POOL_ID: z.string() });
const { TABLE_NAME, POOL_ID } = env.parse(process.env);

/** Every minute: suspends the datasets of owners who are no data stewards any more. */
export const handler = stepHandler(z.object({}), async () => {
  const groups = new Map<string, Promise<boolean>>();
  let suspendedCount = 0;
  for (let next: string | undefined; ; ) {
    const page = await pageCatalogue(TABLE_NAME, { limit: 100, next });
    for (const { dataset, owner, ownerName, withdrawn: withdrawal, suspended: suspension } of page.items) {
      if (withdrawal || suspension) continue;
      const person = { id: owner, name: ownerName };
      const isSteward = groups.get(owner) ?? readGroups(POOL_ID, person).then(names => names.includes('steward'));
      groups.set(owner, isSteward);
      if (await isSteward) continue;
      const now = currentTime();
      await changeTerms(TABLE_NAME, dataset, read => decideTerms(read, { do: 'lapse', owner }, now), now);
      suspendedCount++;
    }
    next = page.next;
    if (next === undefined) return { suspended: suspendedCount };
  }
});
