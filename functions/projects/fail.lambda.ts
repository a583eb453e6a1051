import * as z from 'zod';
import { currentTime, timeAfter } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { explainCause } from '../stack-state.ts';
import { decideProject } from './projects.ts';
import { ProjectId } from './schemas.ts';
import { changeProject } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), QUARANTINE_DAYS: z.coerce.number() });
const { TABLE_NAME, QUARANTINE_DAYS } = env.parse(process.env);

const Input = z.object({
  project: ProjectId,
  attempt: z.number().int(),
  /** A sentence for people; without it, `cause` is the error that the state machine caught. */
  reason: z.string().optional(),
  cause: z.string().optional(),
  rolledBack: z.boolean(),
});

/** Records why the attempt failed, and returns its block if nothing of its network is left. */
export const handler = stepHandler(
  Input,
  async ({ project: id, attempt, reason = '', cause, rolledBack }): Promise<{ status: string }> => {
    const now = currentTime();
    const command = {
      do: 'recordFailure',
      attempt,
      reason: reason || explainCause(cause),
      rolledBack,
      quarantineUntil: timeAfter(now, QUARANTINE_DAYS * 24 * 3600),
    } as const;
    const { superseded: isStale } = await changeProject(
      TABLE_NAME,
      id,
      state => decideProject(state, command, now),
      now,
      project => (rolledBack && project.status === 'provisioning' ? project.cidr : undefined),
    );
    return { status: isStale ? 'overtaken' : 'failed' };
  },
);
