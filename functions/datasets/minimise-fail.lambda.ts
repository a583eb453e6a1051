import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { decideMinimisation } from './minimisation.ts';
import { Minimisation } from './schemas.ts';
import { changeUse } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

const Input = Minimisation.extend({
  /** Why the recipe does not fit the version; null if Broch itself failed. */
  reason: z.string().nullable(),
});

/** Ends a use whose minimised version cannot be made, with the reason, so that nobody waits for it. */
export const handler = stepHandler(Input, async ({ project, use: id, reason }) => {
  const sentence =
    reason ??
    'Broch failed, and an alarm told the operators. Request the dataset again when they have corrected the cause.';
  const command = { do: 'fail', reason: `The minimised version was not made. ${sentence}` } as const;
  const now = currentTime();
  await changeUse(TABLE_NAME, { project, id }, read => decideMinimisation(read, command, now, undefined), now);
  return { outcome: reason === null ? 'failed' : 'refused' };
});
