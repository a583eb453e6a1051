import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { decideImage } from './images.ts';
import { explainRunFailure } from './reasons.ts';
import { readImageRules } from './rules.ts';
import { ImageRun } from './schemas.ts';
import { changeImage } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), RULES: z.string() });
const { TABLE_NAME, RULES } = env.parse(process.env);
const rules = readImageRules(RULES);

const Caught = z.object({ Error: z.string().default('unknown'), Cause: z.string().default('') });

/** Ends a run with a reason. Whatever is published stays published. */
export const handler = stepHandler(
  ImageRun.extend({ caught: Caught }),
  async ({ image, version, attempt, caught: { Error: error, Cause: cause } }): Promise<void> => {
    const now = currentTime();
    const command = { do: 'recordFailure', version, attempt, reason: explainRunFailure(error, cause) } as const;
    await changeImage(TABLE_NAME, image, read => decideImage(read, command, rules, now), now);
  },
);
