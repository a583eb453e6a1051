import { UpdateTerminationProtectionCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { publishEvent } from '../events.ts';
import { stepHandler } from '../handler.ts';
import { cloudFormation, projectStackName } from './cloudformation.ts';
import { ProjectReady } from './events.ts';

export const env = z.object({ BUS_NAME: z.string(), ENVIRONMENT: z.string() });
const { BUS_NAME, ENVIRONMENT } = env.parse(process.env);

/** From now on the stack can't be deleted by mistake, and the others may rely on it. */
export const handler = stepHandler(ProjectReady.schema, async (ready): Promise<void> => {
  const StackName = projectStackName(ENVIRONMENT, ready.project);
  await cloudFormation.send(new UpdateTerminationProtectionCommand({ StackName, EnableTerminationProtection: true }));
  await publishEvent(BUS_NAME, ProjectReady, ready);
});
