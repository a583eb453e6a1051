import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { RunStep } from './attempt.ts';
import { closeRun, closingEnvironment } from './closing.ts';

export const env = z.object(closingEnvironment);
const values = env.parse(process.env);

const Caught = z.object({ Error: z.string().default('unknown'), Cause: z.string().default('') });

/** The last step of a run's workflow, also after a step failed. */
export const handler = stepHandler(RunStep.extend({ caught: Caught.optional() }), ({ caught, ...step }) =>
  closeRun(values, step, caught && { error: caught.Error, cause: caught.Cause }),
);
