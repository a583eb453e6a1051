import * as z from 'zod';
import { releaseProject } from '../awake/room.ts';
import type { CaughtError } from '../caught-error.ts';
import { currentTime } from '../clock.ts';
import { type RunStep, readRun } from './attempt.ts';
import { decideEnclaveRun } from './enclaves.ts';
import { terminateParents } from './instances.ts';
import { revokeApprovals } from './party-keys.ts';
import { explainEnclaveFailure } from './reasons.ts';
import { changeEnclaveRun } from './store.ts';

/** What functions need that end runs. */
export const closingEnvironment = {
  TABLE_NAME: z.string(),
  AWAKE_STACKS: z.string(),
  AWAKE_ROLE: z.string(),
  ENVIRONMENT: z.string(),
  AUDITOR_ROLE_ARN: z.string(),
};
const ClosingEnvironment = z.object(closingEnvironment);

/**
 * Ends a run, whatever became of it: terminates its instance, records why it failed if it did, lets the project sleep, and
 * revokes the grants. The order matters: what costs money and could still compute ends first. Throws if a grant could not be
 * revoked. The workflow then repeats the step, and fails if that does not help, so that an alarm tells an operator.
 */
export async function closeRun(
  { TABLE_NAME, AWAKE_STACKS, AWAKE_ROLE, AUDITOR_ROLE_ARN }: z.infer<typeof ClosingEnvironment>,
  step: RunStep,
  caught: CaughtError | undefined,
): Promise<void> {
  await terminateParents(step.run);
  const now = currentTime();
  if (caught) {
    const reason = explainEnclaveFailure(caught);
    const place = { project: step.project, id: step.run };
    await changeEnclaveRun(TABLE_NAME, place, read => decideEnclaveRun(read, { do: 'fail', reason }, now), now);
  }
  await releaseProject({ table: TABLE_NAME, prefix: AWAKE_STACKS, serviceRole: AWAKE_ROLE }, step.project, step.run);
  await revokeApprovals(await readRun(TABLE_NAME, step), AUDITOR_ROLE_ARN);
}
