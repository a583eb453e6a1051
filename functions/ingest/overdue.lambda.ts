import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { changePartner, pagePartners } from './partner-store.ts';
import { decidePartner, findOverdue } from './partners.ts';
import { pageDatasets, readDatasetOwner } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

async function collect<Item>(
  page: (next: string | undefined) => Promise<{ items: Item[]; next?: string | undefined }>,
): Promise<Item[]> {
  const items: Item[] = [];
  for (let next: string | undefined; ; ) {
    const result = await page(next);
    items.push(...result.items);
    next = result.next;
    if (next === undefined) return items;
  }
}

/** Once a day: records which deliveries did not come in time, and announces each once. */
export const handler = stepHandler(z.object({}), async () => {
  const now = currentTime();
  const datasets = await collect(next => pageDatasets(TABLE_NAME, { limit: 100, next }));
  const deliveriesOf = new Map<string, Map<string, string>>();
  for (const { dataset, registeredAt } of datasets) {
    const partner = (await readDatasetOwner(TABLE_NAME, dataset))?.partner ?? '';
    deliveriesOf.set(partner, (deliveriesOf.get(partner) ?? new Map()).set(dataset, registeredAt));
  }
  const partners = await collect(next => pagePartners(TABLE_NAME, { limit: 100, next }));
  for (const { partner } of partners)
    await changePartner(
      TABLE_NAME,
      partner,
      ({ record }) => {
        const overdue = record ? findOverdue(record, deliveriesOf.get(partner) ?? new Map(), now) : [];
        return decidePartner({ record }, { do: 'noteOverdue', overdue }, now);
      },
      now,
    );
  return { partners: partners.length };
});
