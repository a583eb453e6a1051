import * as z from 'zod';
import { currentTime } from '../../clock.ts';
import { stepHandler } from '../../handler.ts';
import { decideRequest } from '../airlock.ts';
import { loadProjectContext } from '../project-settings.ts';
import { parseAirlockConfig } from '../request/airlock-config.ts';
import { changeRequest, readRequest } from '../store.ts';
import { RequestAttempt } from './attempt.ts';
import { compareAtRelease } from './release-comparison.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AIRLOCK_BUCKET: z.string(),
  RELEASE_BUCKET: z.string(),
  RULES: z.string(),
});
// Larger than 450 KB: the clients of both S3 and DynamoDB.
const { TABLE_NAME, AIRLOCK_BUCKET, RELEASE_BUCKET, RULES } = env.parse(process.env);
const base = parseAirlockConfig(RULES);

const changedSince =
  'Since the checks, another release has changed what this one would disclose. Withdraw this request and submit the files again, so that checks and reviewers see both releases.';

/**
 * Compares the request with releases made since its checks. If both together disclose more than reviewers have seen, the
 * release is aborted. Otherwise returns how many releases were compared; Sign repeats this step if there are more.
 */
export const handler = stepHandler(RequestAttempt, async ({ project, request: id, attempt }) => {
  const request = await readRequest(TABLE_NAME, project, id);
  // A retry after a lost answer.
  if (request.status === 'approved' && request.attempt === attempt && request.stopped) return { outcome: 'differs' };
  if (request.status !== 'releasing' || request.attempt !== attempt) return { outcome: 'superseded' };
  const stores = { table: TABLE_NAME, airlock: AIRLOCK_BUCKET, release: RELEASE_BUCKET };
  const { releases, difference } = await compareAtRelease(stores, request);
  if (difference === undefined) return { outcome: 'ready', releases };
  const now = currentTime();
  const facts = await loadProjectContext(TABLE_NAME, project, base);
  const decision = await changeRequest(TABLE_NAME, { project, id, at: now }, read =>
    decideRequest(
      read,
      { do: 'abortRelease', attempt, reason: changedSince, difference: difference.slice(0, 2000) },
      now,
      facts,
    ),
  );
  return { outcome: decision.superseded ? 'superseded' : 'differs' };
});
