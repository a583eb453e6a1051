import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { publishEvent } from '../events.ts';
import { logger, stepHandler } from '../handler.ts';
import { FindingList, getScratch, putScratch } from '../storage/scratch-store.ts';
import { DeliveryHeld } from './events.ts';
import { holdDelivery, internalFaultFinding } from './ingest.ts';
import { DeliveryCheck, deliveryCheckFolder } from './steps.ts';
import { readDelivery, replaceDelivery } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), WORK_BUCKET: z.string(), BUS_NAME: z.string() });
// Larger than 450 KB: the clients of S3, DynamoDB and EventBridge.
const { TABLE_NAME, WORK_BUCKET, BUS_NAME } = env.parse(process.env);

const Input = DeliveryCheck.extend({
  /** When the execution began. */
  since: z.iso.datetime(),
  /** Texts with findings; none where the check itself failed. */
  findings: z.array(z.string()),
  fault: z.unknown().optional(),
});

/** Holds a delivery with a reason for each file that is wrong. Nothing of it is in the lake; its files stay. */
export const handler = stepHandler(Input, async ({ since, findings: keys, fault, ...check }) => {
  if (fault !== undefined) logger.error('a check failed', { check: check.check, fault });
  const all = [];
  for (const key of keys) all.push(...FindingList.parse(JSON.parse(await getScratch(WORK_BUCKET, key))));
  const findings = all.length > 0 ? all : [internalFaultFinding];
  const delivery = await readDelivery(TABLE_NAME, check.partner, check.delivery);
  const held = delivery && holdDelivery(delivery, { check: check.check, since, findings }, currentTime());
  if (!delivery || !held) return { outcome: 'superseded' };
  const full = await putScratch(WORK_BUCKET, deliveryCheckFolder(check), JSON.stringify(findings));
  if (held !== delivery) await replaceDelivery(TABLE_NAME, delivery, held);
  const { id, dataset, partner, partnerName, found, heldAt } = held;
  await publishEvent(BUS_NAME, DeliveryHeld, {
    delivery: id,
    dataset,
    partner,
    partnerName,
    findings: held.findings.slice(0, 20),
    found,
    at: heldAt,
  });
  return { outcome: 'held', found, full };
});
