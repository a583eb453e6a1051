import * as z from 'zod';
import { currentTime } from '../../clock.ts';
import { stepHandler } from '../../handler.ts';
import { decideRequest } from '../airlock.ts';
import { listCandidates } from '../decision-context.ts';
import { loadAirlockConfig } from '../project-settings.ts';
import { parseAirlockConfig } from '../request/airlock-config.ts';
import { NO_PEOPLE } from '../request/decision.ts';
import { reviewPauses } from '../request/review-pace.ts';
import { changeRequest, readRequest } from '../store.ts';
import { RequestAttempt } from './attempt.ts';

export const env = z.object({ TABLE_NAME: z.string(), POOL_ID: z.string(), RULES: z.string() });
const { TABLE_NAME, POOL_ID, RULES } = env.parse(process.env);
const base = parseAirlockConfig(RULES);

/** Sends reminders and escalations of a review when they are due, ends it at its deadline, and says when to look again. */
export const handler = stepHandler(RequestAttempt, async ({ project, request: id, attempt }) => {
  const now = currentTime();
  const request = await readRequest(TABLE_NAME, project, id);
  const facts = {
    ...NO_PEOPLE,
    rules: await loadAirlockConfig(TABLE_NAME, project, base),
    candidates: await listCandidates({ table: TABLE_NAME, pool: POOL_ID }, request),
  };
  const decision = await changeRequest(TABLE_NAME, { project, id, at: now }, read =>
    decideRequest(read, { do: 'remindReviewers', attempt }, now, facts),
  );
  if (decision.superseded) return { outcome: decision.state.status };
  const { state } = decision;
  if (state.status !== 'inReview') throw new Error(`${id} is ${state.status}, and waits for a decision`);
  return { outcome: 'waiting', ...reviewPauses(state, facts.rules, now) };
});
