import * as z from 'zod';
import { startExecution } from '../executions.ts';
import { eventHandler } from '../handler.ts';
import { UseApproved } from './events.ts';

export const env = z.object({ MACHINE: z.string() });
const { MACHINE } = env.parse(process.env);

/** Starts to make the project's version of a use with a recipe. A repeated event starts nothing twice. */
export const handler = eventHandler(UseApproved, async ({ use, project, recipe }) => {
  if (recipe !== undefined) await startExecution(MACHINE, `${use}-${project}`, { project, use });
});
