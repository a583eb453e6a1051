import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { leaseEnvironment, releaseWorkspace } from './leases.ts';
import { explainLaunchFailure } from './reasons.ts';
import { changeWorkspace, LaunchAttempt } from './store.ts';
import { decideWorkspace } from './workspaces.ts';

export const env = z.object({ ...leaseEnvironment, READY_MINUTES: z.coerce.number() });
const values = env.parse(process.env);
const { TABLE_NAME, READY_MINUTES } = values;

const Caught = z.object({ Error: z.string().default('unknown'), Cause: z.string().default('') });

/** Ends an attempt with a reason that the owner can act on, and frees its place. */
export const handler = stepHandler(
  LaunchAttempt.extend({ caught: Caught }),
  async ({ project, workspace: id, attempt, caught: { Error: error, Cause: cause } }): Promise<void> => {
    const now = currentTime();
    const { state: outcome } = await changeWorkspace(
      TABLE_NAME,
      project,
      id,
      state => {
        const reason = explainLaunchFailure({ error, cause }, state.workspace, READY_MINUTES);
        return decideWorkspace(state, { do: 'recordFailure', attempt, reason }, now);
      },
      now,
    );
    if (outcome.workspace.attempt === attempt) await releaseWorkspace(values, project, id);
  },
);
