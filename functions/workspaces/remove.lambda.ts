import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { terminateInstances } from './instances.ts';
import { LaunchAttempt } from './store.ts';

export const env = z.object({ ENVIRONMENT: z.string() });
env.parse(process.env);

export const handler = stepHandler(LaunchAttempt, async ({ workspace, attempt }) => ({
  removed: await terminateInstances(workspace, attempt),
}));
