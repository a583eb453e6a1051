import * as z from 'zod';
import { now } from '../../clock.ts';
import { step } from '../../handler.ts';
import { decide } from '../airlock.ts';
import { candidatesFor } from '../decision-context.ts';
import { rulesFor } from '../project-settings.ts';
import { Rules } from '../request/airlock-config.ts';
import { nobody } from '../request/decision.ts';
import { change, readRequest } from '../store.ts';
import { Attempt } from './attempt.ts';

export const env = z.object({ TABLE_NAME: z.string(), POOL_ID: z.string(), RULES: z.string() });
const { TABLE_NAME, POOL_ID, RULES } = env.parse(process.env);
const base = Rules.parse(JSON.parse(RULES));

/** Looks whether the review goes on: reminds and escalates when due, ends it at its deadline. */
export const handler = step(Attempt, async ({ project, request: id, attempt }) => {
  const at = now();
  const of = await readRequest(TABLE_NAME, project, id);
  const facts = {
    ...nobody,
    rules: await rulesFor(TABLE_NAME, project, base),
    candidates: await candidatesFor({ table: TABLE_NAME, pool: POOL_ID }, of),
  };
  const decision = await change(TABLE_NAME, { project, id, at }, read =>
    decide(read, { do: 'tick', attempt }, at, facts),
  );
  return { outcome: decision.superseded ? decision.request.status : 'waiting' };
});
