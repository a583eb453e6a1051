import * as z from 'zod';
import { later, now } from '../clock.ts';
import { publish } from '../events.ts';
import { step } from '../handler.ts';
import { giveBack } from './block.ts';
import { ProjectFailed } from './events.ts';
import { fail, isCurrent, ProjectId } from './projects.ts';
import { causeOf } from './stack.ts';
import { readBlock, readProject, saveHold, saveProject } from './store.ts';

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
export const handler = step(
  Input,
  async ({ project: id, attempt, reason, cause, unwound }): Promise<{ status: string }> => {
    const read = await readProject(TABLE_NAME, id);
    if (read?.status !== 'failed' && !isCurrent(read, attempt)) return { status: 'overtaken' };
    if (read.attempt !== attempt) return { status: 'overtaken' };
    const at = now();
    const failed = read.status === 'failed' ? read : fail(read, reason ?? causeOf(cause), unwound, at);
    if (read.status !== 'failed') {
      const block = unwound && read.cidr !== undefined ? await readBlock(TABLE_NAME, read.cidr) : undefined;
      const rests = giveBack(block, id, later(at, QUARANTINE_DAYS * 24 * 3600));
      const saved = rests
        ? await saveHold(TABLE_NAME, { read, next: failed }, { read: block, next: rests })
        : await saveProject(TABLE_NAME, read, failed);
      if (!saved) throw new Error(`project ${id} was changed at the same time`);
    }
    await publish(BUS_NAME, ProjectFailed, { project: id, attempt, reason: failed.reason, unwound });
    return { status: 'failed' };
  },
);
