import * as z from 'zod';
import { releaseProject } from '../awake/room.ts';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { RunStep, readNetwork, readRun } from './attempt.ts';
import { decideEnclaveRun } from './enclaves.ts';
import { terminateParents } from './instances.ts';
import { isApproval, keysOfInputs } from './key-check.ts';
import { observeKey, retireGrant } from './party-keys.ts';
import { explainEnclaveFailure } from './reasons.ts';
import { changeEnclaveRun } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AWAKE_STACKS: z.string(),
  AWAKE_ROLE: z.string(),
  ENVIRONMENT: z.string(),
  ACCOUNT: z.string(),
});
const { TABLE_NAME, AWAKE_STACKS, AWAKE_ROLE, ACCOUNT } = env.parse(process.env);

const Caught = z.object({ Error: z.string().default('unknown'), Cause: z.string().default('') });

/**
 * Ends a run, whatever became of it: terminates its instance, records why it failed if it did, lets the project sleep, and
 * retires the grants. The order matters: what costs and what could still compute goes first.
 */
export const handler = stepHandler(RunStep.extend({ caught: Caught.optional() }), async ({ caught, ...step }) => {
  await terminateParents(step.run);
  const now = currentTime();
  if (caught) {
    const reason = explainEnclaveFailure({ error: caught.Error, cause: caught.Cause });
    const place = { project: step.project, id: step.run };
    await changeEnclaveRun(TABLE_NAME, place, read => decideEnclaveRun(read, { do: 'fail', reason }, now), now);
  }
  await releaseProject({ table: TABLE_NAME, prefix: AWAKE_STACKS, serviceRole: AWAKE_ROLE }, step.project, step.run);
  const run = await readRun(TABLE_NAME, step);
  const { network } = await readNetwork(TABLE_NAME, step.project);
  let remainder = 0;
  for (const key of keysOfInputs(run)) {
    const observed = await observeKey(key, ACCOUNT).catch(() => undefined);
    if (!observed) remainder += 1;
    for (const grant of observed?.grants ?? [])
      if (isApproval(grant, run, network.datasets.role))
        await retireGrant(key, grant.id).catch(() => {
          remainder += 1;
        });
  }
  return { remainder };
});
