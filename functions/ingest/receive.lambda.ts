import * as z from 'zod';
import { ObjectCreated } from '../contract.ts';
import { startExecution } from '../executions.ts';
import { eventHandler, logger } from '../handler.ts';
import { sha256 } from '../hash.ts';
import { parseManifestKey } from './ingest.ts';
import type { DeliveryCheck } from './steps.ts';
import { readDelivery } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), MACHINE_ARN: z.string() });
const { TABLE_NAME, MACHINE_ARN } = env.parse(process.env);

/** Starts the check of an uploaded manifest. The execution is named after the object's version, so duplicates start nothing. */
export const handler = eventHandler(ObjectCreated, async ({ object: { key, 'version-id': manifestVersion } }) => {
  const delivery = parseManifestKey(key);
  if (!delivery) return logger.info('not a manifest of a delivery', { key });
  if (!manifestVersion) throw new Error(`the event for ${key} has no version`);
  if (!(await readDelivery(TABLE_NAME, delivery.partner, delivery.delivery)))
    return logger.warn('there is no such delivery', { key });
  const check = `${delivery.delivery}-${sha256(`${key}\n${manifestVersion}`).slice(0, 32)}`;
  const input: DeliveryCheck = { ...delivery, manifestVersion, check };
  await startExecution(MACHINE_ARN, check, input);
});
