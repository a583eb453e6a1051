import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { explainLaunchFailure } from './reasons.ts';
import { changeWorkspace, LaunchAttempt } from './store.ts';
import { decideWorkspace } from './workspaces.ts';

export const env = z.object({ TABLE_NAME: z.string(), READY_MINUTES: z.coerce.number() });
const { TABLE_NAME, READY_MINUTES } = env.parse(process.env);

const Caught = z.object({ Error: z.string().default('unknown'), Cause: z.string().default('') });

/** Ends an attempt with a reason that the owner can act on, and frees its place. */
export const handler = stepHandler(
  LaunchAttempt.extend({ caught: Caught }),
  async ({ project, workspace: id, attempt, caught: { Error: error, Cause: cause } }): Promise<void> => {
    const now = currentTime();
    await changeWorkspace(
      TABLE_NAME,
      project,
      id,
      state => {
        const reason = explainLaunchFailure({ error, cause }, state.workspace, READY_MINUTES);
        return decideWorkspace(state, { do: 'recordFailure', attempt, reason }, now);
      },
      now,
    );
  },
);
