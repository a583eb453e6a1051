import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { decideUse } from './datasets.ts';
import { Withdrawal } from './schemas.ts';
import { changeUse, pageDatasetUses, readTerms } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

/** Open uses sort first, so the first page holds some while there are any. */
const PAGE = 50;

/**
 * Ends the next uses of a withdrawn dataset, and says how many were open. The step is repeated until none is. Each end
 * publishes an event, which takes the access away.
 */
export const handler = stepHandler(Withdrawal, async ({ dataset }) => {
  const terms = await readTerms(TABLE_NAME, dataset);
  if (!terms?.withdrawn) throw new Error(`the dataset ${dataset} is not withdrawn`);
  const reason = `The dataset was withdrawn: ${terms.withdrawn.reason}`;
  const { items } = await pageDatasetUses(TABLE_NAME, dataset, { limit: PAGE });
  const open = items.filter(({ status }) => status === 'requested' || status === 'approved');
  const now = currentTime();
  for (const { project, id } of open)
    await changeUse(
      TABLE_NAME,
      { project, id },
      read => decideUse(read, { do: 'withdraw', reason }, now, { terms, isMember: false }),
      now,
    );
  return { ended: open.length };
});
