import * as z from 'zod';
import { step } from '../handler.ts';
import { remove } from './instances.ts';
import { Attempt } from './store.ts';

export const env = z.object({ ENVIRONMENT: z.string() });
env.parse(process.env);

export const handler = step(Attempt, async ({ workspace, attempt }) => ({ removed: await remove(workspace, attempt) }));
