import * as z from 'zod';
import { findGatewayDoor, findPlace } from '../awake/doorway.ts';
import { awakeLimits, findHourlyMicros, HourlyPrices } from '../awake/prices.ts';
import { wakeProject } from '../awake/room.ts';
import { stepHandler } from '../handler.ts';
import { RunStep, readNetwork, readRunning } from './attempt.ts';
import { machineFor } from './machine.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AWAKE_STACKS: z.string(),
  AWAKE_ROLE: z.string(),
  AWAKE_TEMPLATE: z.string(),
  ENVIRONMENT: z.string(),
  PER_PROJECT: z.coerce.number(),
  /** As for workspaces: one budget is for everything that runs in a project. */
  PRICES: z.string(),
});
const values = env.parse(process.env);
const prices = HourlyPrices.parse(JSON.parse(values.PRICES));
const room = {
  table: values.TABLE_NAME,
  environment: values.ENVIRONMENT,
  prefix: values.AWAKE_STACKS,
  templateUrl: values.AWAKE_TEMPLATE,
  serviceRole: values.AWAKE_ROLE,
};

/** Wakes the project, so that the enclave reaches KMS. Called again until it is awake. */
export const handler = stepHandler(RunStep, async step => {
  const { id, project, manifest } = await readRunning(values.TABLE_NAME, step);
  const place = await findPlace(
    { project, ...(await readNetwork(values.TABLE_NAME, project)) },
    await findGatewayDoor(values.ENVIRONMENT),
  );
  const machine = machineFor(manifest);
  const hourlyMicros = findHourlyMicros([machine.type], prices) ?? machine.hourlyMicros;
  const holder = { id, use: 'enclave', hourlyMicros } as const;
  return { outcome: await wakeProject(room, place, holder, awakeLimits(values.PER_PROJECT, prices)) };
});
