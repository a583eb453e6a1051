import * as z from 'zod';
import { currentTime, timeAfter } from '../clock.ts';
import { publishEvent } from '../events.ts';
import { stepHandler } from '../handler.ts';
import { returnBlock } from './block.ts';
import { ProjectFailed } from './events.ts';
import { failProject, isCurrentAttempt } from './projects.ts';
import { ProjectId } from './schemas.ts';
import { explainCause } from './stack.ts';
import { readBlock, readProject, saveProject, saveProjectAndBlock } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), BUS_NAME: z.string(), QUARANTINE_DAYS: z.coerce.number() });
const { TABLE_NAME, BUS_NAME, QUARANTINE_DAYS } = env.parse(process.env);

const Input = z.object({
  project: ProjectId,
  attempt: z.number().int(),
  /** Written for people; or else `cause`, as the state machine caught it. */
  reason: z.string().optional(),
  cause: z.string().optional(),
  unwound: z.boolean(),
});

/** Writes down why the attempt failed, and gives its block back where nothing is left of it. */
export const handler = stepHandler(
  Input,
  async ({ project: id, attempt, reason, cause, unwound }): Promise<{ status: string }> => {
    const read = await readProject(TABLE_NAME, id);
    if (read?.status !== 'failed' && !isCurrentAttempt(read, attempt)) return { status: 'overtaken' };
    if (read.attempt !== attempt) return { status: 'overtaken' };
    const at = currentTime();
    const failed = read.status === 'failed' ? read : failProject(read, reason ?? explainCause(cause), unwound, at);
    if (read.status !== 'failed') {
      const block = unwound && read.cidr !== undefined ? await readBlock(TABLE_NAME, read.cidr) : undefined;
      const rests = returnBlock(block, id, timeAfter(at, QUARANTINE_DAYS * 24 * 3600));
      const saved = rests
        ? await saveProjectAndBlock(TABLE_NAME, { read, next: failed }, { read: block, next: rests })
        : await saveProject(TABLE_NAME, read, failed);
      if (!saved) throw new Error(`project ${id} was changed at the same time`);
    }
    await publishEvent(BUS_NAME, ProjectFailed, { project: id, attempt, reason: failed.reason, unwound });
    return { status: 'failed' };
  },
);
