import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { ProjectId } from '../projects/schemas.ts';
import { decideEnclaveRun } from './enclaves.ts';
import { RunId } from './schemas.ts';
import { changeEnclaveRun } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

/** Ends a run that a party did not decide about in time. Tells what became of it. */
export const handler = stepHandler(z.object({ project: ProjectId, run: RunId }), async ({ project, run: id }) => {
  const now = currentTime();
  const { state } = await changeEnclaveRun(
    TABLE_NAME,
    { project, id },
    read => decideEnclaveRun(read, { do: 'lapse' }, now),
    now,
  );
  return { status: state.run?.status ?? 'missing' };
});
