import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { logger, stepHandler } from '../handler.ts';
import { getScratch, putScratch } from '../storage/scratch-store.ts';
import { findFaultFinding } from './fault-findings.ts';
import { decideDelivery } from './ingest.ts';
import { DeliveryFinding } from './schemas.ts';
import { DeliveryCheck, deliveryCheckFolder } from './steps.ts';
import { changeDelivery } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), WORK_BUCKET: z.string() });
// The bundle exceeds 450 KB because it needs the clients of S3 and DynamoDB.
const { TABLE_NAME, WORK_BUCKET } = env.parse(process.env);

const Input = DeliveryCheck.extend({
  /** When the execution started. */
  since: z.iso.datetime(),
  /** Keys of the findings; none if the check itself failed. */
  findings: z.array(z.string()),
  fault: z.unknown().optional(),
});

/** Holds a delivery with its findings. Nothing is in the lake, and the uploaded files are kept. */
export const handler = stepHandler(Input, async ({ since: startedAt, findings: keys, fault, ...check }) => {
  if (fault !== undefined) logger.error('a check failed', { check: check.check, fault });
  const chunkFindings = [];
  for (const key of keys)
    chunkFindings.push(...z.array(DeliveryFinding).parse(JSON.parse(await getScratch(WORK_BUCKET, key))));
  const findings = chunkFindings.length > 0 ? chunkFindings : [findFaultFinding(fault)];
  const now = currentTime();
  const { manifest, manifestVersion } = check;
  const upload = { manifest, manifestVersion };
  const command = { do: 'recordFindings', check: check.check, since: startedAt, findings, upload } as const;
  const { superseded: isStale } = await changeDelivery(
    TABLE_NAME,
    check.partner,
    check.delivery,
    read => decideDelivery(read, command, now),
    now,
  );
  if (isStale) return { outcome: 'superseded' };
  const full = await putScratch(WORK_BUCKET, deliveryCheckFolder(check), JSON.stringify(findings));
  return { outcome: 'held', found: findings.length, full };
});
