import * as z from 'zod';
import { now } from '../clock.ts';
import { step } from '../handler.ts';
import { decide } from './airlock.ts';
import { announce } from './announce.ts';
import { Rules } from './rules.ts';
import { Attempt } from './steps.ts';
import { change } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), BUS_NAME: z.string(), RULES: z.string() });
const { TABLE_NAME, BUS_NAME, RULES } = env.parse(process.env);
const facts = { rules: Rules.parse(JSON.parse(RULES)), members: [], reviewers: [] };

/** Looks whether the review goes on: reminds and escalates when due, ends it at its deadline. */
export const handler = step(Attempt, async ({ project, request: id, attempt }) => {
  const at = now();
  const decision = await change(TABLE_NAME, { project, id, at }, read =>
    decide(read, { do: 'tick', attempt }, at, facts),
  );
  await announce(BUS_NAME, decision, at);
  return { outcome: decision.superseded ? decision.request.status : 'waiting' };
});
