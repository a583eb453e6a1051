import * as z from 'zod';
import { releaseProject } from '../awake/room.ts';
import type { CaughtError } from '../caught-error.ts';
import { currentTime } from '../clock.ts';
import { logger } from '../handler.ts';
import { type RunStep, readNetwork, readRun } from './attempt.ts';
import { decideEnclaveRun } from './enclaves.ts';
import { terminateParents } from './instances.ts';
import { isApproval, keysOfInputs } from './key-check.ts';
import { revokeGrants } from './party-keys.ts';
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
 * revokes the grants. The order matters: what costs and what could still compute goes first. Tells how many grants are left.
 */
export async function closeRun(
  { TABLE_NAME, AWAKE_STACKS, AWAKE_ROLE, AUDITOR_ROLE_ARN }: z.infer<typeof ClosingEnvironment>,
  step: RunStep,
  caught: CaughtError | undefined,
): Promise<{ unrevoked: number }> {
  await terminateParents(step.run);
  const now = currentTime();
  if (caught) {
    const reason = explainEnclaveFailure(caught);
    const place = { project: step.project, id: step.run };
    await changeEnclaveRun(TABLE_NAME, place, read => decideEnclaveRun(read, { do: 'fail', reason }, now), now);
  }
  await releaseProject({ table: TABLE_NAME, prefix: AWAKE_STACKS, serviceRole: AWAKE_ROLE }, step.project, step.run);
  const run = await readRun(TABLE_NAME, step);
  const { network } = await readNetwork(TABLE_NAME, step.project);
  const { role } = network.datasets;
  const failures = await Promise.all(
    keysOfInputs(run).map(key =>
      revokeGrants(key, AUDITOR_ROLE_ARN, grant => isApproval(grant, run, role)).then(
        () => [],
        (error: unknown) => [error],
      ),
    ),
  );
  // The party can always revoke its grants itself; the nonce and the manifest's end make them useless anyway.
  if (failures.flat().length > 0)
    logger.error('grants could not be revoked', { run: run.id, failures: failures.flat() });
  return { unrevoked: failures.flat().length };
}
