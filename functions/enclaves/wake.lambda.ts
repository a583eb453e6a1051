import * as z from 'zod';
import { findGatewayDoor, findPlace } from '../awake/doorway.ts';
import { wakeProject } from '../awake/room.ts';
import { stepHandler } from '../handler.ts';
import { RunStep, readNetwork, readRunning } from './attempt.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AWAKE_STACKS: z.string(),
  AWAKE_ROLE: z.string(),
  AWAKE_TEMPLATE: z.string(),
  ENVIRONMENT: z.string(),
  PER_PROJECT: z.coerce.number(),
});
const values = env.parse(process.env);
const room = {
  table: values.TABLE_NAME,
  environment: values.ENVIRONMENT,
  prefix: values.AWAKE_STACKS,
  templateUrl: values.AWAKE_TEMPLATE,
  serviceRole: values.AWAKE_ROLE,
};

/** Wakes the project, so that the enclave reaches KMS. Called again until it is awake. */
export const handler = stepHandler(RunStep, async step => {
  const { id, project } = await readRunning(values.TABLE_NAME, step);
  const place = await findPlace(
    { project, ...(await readNetwork(values.TABLE_NAME, project)) },
    await findGatewayDoor(values.ENVIRONMENT),
  );
  const holder = { id, use: 'enclave', hourlyMicros: 0 } as const;
  return { outcome: await wakeProject(room, place, holder, { workspaces: values.PER_PROJECT }) };
});
