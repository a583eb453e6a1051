import * as z from 'zod';
import { currentTime } from '../../clock.ts';
import { stepHandler } from '../../handler.ts';
import { decideRequest } from '../airlock.ts';
import { loadProjectContext } from '../project-settings.ts';
import { parseAirlockConfig } from '../request/airlock-config.ts';
import { changeRequest } from '../store.ts';
import { RequestAttempt } from './attempt.ts';

export const env = z.object({ TABLE_NAME: z.string(), RULES: z.string() });
const { TABLE_NAME, RULES } = env.parse(process.env);
const base = parseAirlockConfig(RULES);

/** The decision is made already, so the workflow need not wait. */
class Decided extends Error {
  override readonly name = 'Decided';
}

/** Stores the task token, which the decision completes. Throws `Decided` if the decision is made already. */
export const handler = stepHandler(
  RequestAttempt.extend({ token: z.string().min(1).max(2048) }),
  async ({ project, request: id, attempt, token }) => {
    const now = currentTime();
    const facts = await loadProjectContext(TABLE_NAME, project, base);
    const { superseded: stale } = await changeRequest(TABLE_NAME, { project, id, at: now }, read =>
      decideRequest(read, { do: 'recordTaskToken', attempt, token }, now, facts),
    );
    if (stale) throw new Decided(`${id} waits for no decision in attempt ${attempt}`);
  },
);
