import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { publishEvent } from '../events.ts';
import { stepHandler } from '../handler.ts';
import { WorkspaceFailed } from './events.ts';
import { explainLaunchFailure } from './reasons.ts';
import { changeWorkspaceAndDesk, LaunchAttempt } from './store.ts';
import { failWorkspace } from './workspaces.ts';

export const env = z.object({ TABLE_NAME: z.string(), BUS_NAME: z.string(), READY_MINUTES: z.coerce.number() });
const { TABLE_NAME, BUS_NAME, READY_MINUTES } = env.parse(process.env);

const Caught = z.object({ Error: z.string().default('unknown'), Cause: z.string().default('') });

/** Ends an attempt with a reason that its owner can act on, and gives back the seat it took. */
export const handler = stepHandler(
  LaunchAttempt.extend({ caught: Caught }),
  async ({ project, workspace: id, attempt, caught: { Error: error, Cause: cause } }) => {
    const ended = await changeWorkspaceAndDesk(
      TABLE_NAME,
      project,
      id,
      undefined,
      (read, desk) =>
        read &&
        failWorkspace(read, desk, attempt, explainLaunchFailure({ error, cause }, read, READY_MINUTES), currentTime()),
    );
    if (!ended) return;
    const { owner, ownerName, kind, size, reason, failedAt } = ended.workspace;
    const about = { project, workspace: id, owner, ownerName, kind, size, attempt, at: failedAt };
    await publishEvent(BUS_NAME, WorkspaceFailed, { ...about, reason });
  },
);
