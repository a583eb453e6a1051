import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { RunStep } from './attempt.ts';
import { decideEnclaveRun } from './enclaves.ts';
import { revokeApprovals } from './party-keys.ts';
import { changeEnclaveRun } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), AUDITOR_ROLE_ARN: z.string() });
const { TABLE_NAME, AUDITOR_ROLE_ARN } = env.parse(process.env);

/**
 * Ends a run if a party did not decide in time, or if nobody started it before its manifest ended. Revokes the grants of a run
 * that ended before it started. Returns the status of the run.
 */
export const handler = stepHandler(RunStep, async ({ project, run: id }) => {
  const now = currentTime();
  const {
    state: { run },
  } = await changeEnclaveRun(TABLE_NAME, { project, id }, read => decideEnclaveRun(read, { do: 'lapse' }, now), now);
  if (run?.status === 'lapsed' || run?.status === 'refused') await revokeApprovals(run, AUDITOR_ROLE_ARN);
  return { status: run?.status ?? 'missing' };
});
