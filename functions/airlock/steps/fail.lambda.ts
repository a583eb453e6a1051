import * as z from 'zod';
import { currentTime } from '../../clock.ts';
import { logger, stepHandler } from '../../handler.ts';
import { decideRequest } from '../airlock.ts';
import { loadProjectContext } from '../project-settings.ts';
import { parseAirlockConfig } from '../request/airlock-config.ts';
import { changeRequest } from '../store.ts';
import { RequestAttempt } from './attempt.ts';

export const env = z.object({ TABLE_NAME: z.string(), RULES: z.string() });
const { TABLE_NAME, RULES } = env.parse(process.env);
const base = parseAirlockConfig(RULES);

const Input = RequestAttempt.extend({ error: z.string(), workflow: z.enum(['check', 'release']) });
const reasons = {
  check: 'An internal error stopped the sealing or the checks. An operator can resume the request.',
  tampered: 'The files in the airlock differ from the sealed files. Nothing was released, and an operator was alerted.',
  release: 'An internal error stopped the release. Nothing was released. Release it again.',
};

/** Records an internal error, or tampering with sealed files, in the request. Operators can continue through the API. */
export const handler = stepHandler(Input, async ({ project, request: id, attempt, error, workflow }) => {
  logger.error('an attempt failed', { request: id, attempt, error });
  const now = currentTime();
  const facts = await loadProjectContext(TABLE_NAME, project, base);
  const tampering = error === 'Tampered';
  const decision = await changeRequest(TABLE_NAME, { project, id, at: now }, read =>
    decideRequest(
      read,
      workflow === 'check'
        ? { do: 'recordFault', attempt, reason: reasons.check }
        : { do: 'abortRelease', attempt, reason: tampering ? reasons.tampered : reasons.release },
      now,
      facts,
    ),
  );
  return { outcome: decision.superseded ? 'superseded' : 'stopped' };
});
