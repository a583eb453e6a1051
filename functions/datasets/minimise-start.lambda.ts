import * as z from 'zod';
import { startExecution } from '../executions.ts';
import { eventHandler } from '../handler.ts';
import { UseApproved } from './events.ts';

export const env = z.object({ MACHINE: z.string() });
const { MACHINE } = env.parse(process.env);

/** Starts the workflow that makes the minimised version of an approved use. A repeated event starts nothing twice. */
export const handler = eventHandler(UseApproved, async ({ use, project, recipe }) => {
  if (recipe !== undefined) await startExecution(MACHINE, `${use}-${project}`, { project, use });
});
