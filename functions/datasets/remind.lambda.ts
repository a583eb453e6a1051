import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { findDueReminder, remindOfEnd } from './reminders.ts';
import { changeUse, pageCatalogue, pageDatasetUses } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

/** Reminds the projects that use a dataset and lose it soon. Returns how many. */
async function remindUsersOf(dataset: string, now: string): Promise<number> {
  let count = 0;
  for (let next: string | undefined; ; ) {
    const page = await pageDatasetUses(TABLE_NAME, dataset, { limit: 100, next });
    for (const use of page.items) {
      if (findDueReminder(use, now) === undefined) continue;
      await changeUse(TABLE_NAME, use, read => remindOfEnd(read, now), now);
      count++;
    }
    next = page.next;
    // Those that are over, of which there may be many, sort last.
    const hasOpen = page.items.some(({ status }) => status === 'requested' || status === 'approved');
    if (next === undefined || !hasOpen) return count;
  }
}

/** Every hour: publishes an event for each use of a dataset that ends soon, once for each reminder. */
export const handler = stepHandler(z.object({}), async () => {
  let count = 0;
  for (let next: string | undefined; ; ) {
    const page = await pageCatalogue(TABLE_NAME, { limit: 100, next });
    for (const { dataset, withdrawn: withdrawal } of page.items)
      if (!withdrawal) count += await remindUsersOf(dataset, currentTime());
    next = page.next;
    if (next === undefined) return { reminded: count };
  }
});
