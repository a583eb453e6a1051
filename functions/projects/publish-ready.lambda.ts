import { UpdateTerminationProtectionCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { publish } from '../events.ts';
import { step } from '../handler.ts';
import { client, stackName } from './cloudformation.ts';
import { ProjectReady } from './events.ts';

export const env = z.object({ BUS_NAME: z.string(), ENVIRONMENT: z.string() });
const { BUS_NAME, ENVIRONMENT } = env.parse(process.env);

/** From now on the stack can't be deleted by mistake, and the others may rely on it. */
export const handler = step(ProjectReady.schema, async (ready): Promise<void> => {
  const StackName = stackName(ENVIRONMENT, ready.project);
  await client.send(new UpdateTerminationProtectionCommand({ StackName, EnableTerminationProtection: true }));
  await publish(BUS_NAME, ProjectReady, ready);
});
