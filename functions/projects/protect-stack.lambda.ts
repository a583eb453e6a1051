import { UpdateTerminationProtectionCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { cloudFormation } from '../cloudformation.ts';
import { stepHandler } from '../handler.ts';
import { projectStackName } from '../names.ts';
import { ProjectId } from './schemas.ts';

export const env = z.object({ ENVIRONMENT: z.string() });
const { ENVIRONMENT } = env.parse(process.env);

/** Protects the stack of a ready project from deletion by mistake. */
export const handler = stepHandler(z.object({ project: ProjectId }), async ({ project }): Promise<void> => {
  const StackName = projectStackName(ENVIRONMENT, project);
  await cloudFormation.send(new UpdateTerminationProtectionCommand({ StackName, EnableTerminationProtection: true }));
});
