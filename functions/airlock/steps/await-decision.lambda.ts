import * as z from 'zod';
import { now } from '../../clock.ts';
import { step } from '../../handler.ts';
import { decide } from '../airlock.ts';
import { factsOf } from '../project-settings.ts';
import { Rules } from '../request/airlock-config.ts';
import { change } from '../store.ts';
import { Attempt } from './attempt.ts';

export const env = z.object({ TABLE_NAME: z.string(), RULES: z.string() });
const { TABLE_NAME, RULES } = env.parse(process.env);
const base = Rules.parse(JSON.parse(RULES));

/** There is nothing to wait for any more. */
class Decided extends Error {
  override readonly name = 'Decided';
}

/** Leaves the token where the decision finds it. Where the decision was faster, there is nothing to wait for. */
export const handler = step(
  Attempt.extend({ token: z.string().min(1).max(2048) }),
  async ({ project, request: id, attempt, token }) => {
    const at = now();
    const facts = await factsOf(TABLE_NAME, project, base);
    const { superseded } = await change(TABLE_NAME, { project, id, at }, read =>
      decide(read, { do: 'wait', attempt, token }, at, facts),
    );
    if (superseded) throw new Decided(`${id} waits for no decision in attempt ${attempt}`);
  },
);
