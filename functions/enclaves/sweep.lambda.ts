import * as z from 'zod';
import { AwakeProject } from '../awake/lease.ts';
import { currentTime } from '../clock.ts';
import { isExecutionRunning } from '../executions.ts';
import { logger, stepHandler } from '../handler.ts';
import { rowKey } from '../keys.ts';
import { Project } from '../projects/schemas.ts';
import { pageRows, readRow } from '../table.ts';
import { closeRun, closingEnvironment } from './closing.ts';
import { listParentRuns } from './instances.ts';
import { findLiveRuns, STOPPED } from './leftovers.ts';
import { pageEnclaveRuns } from './store.ts';

export const env = z.object({ ...closingEnvironment, RUN_MACHINE: z.string() });
const values = env.parse(process.env);
const { TABLE_NAME, ENVIRONMENT, RUN_MACHINE } = values;

/** The newest runs of a project. Older ones ended long ago: a run takes a day at most. */
const RUNS = 50;

async function readLiveRuns(project: string, instances: readonly { project: string; run: string }[]) {
  // Before the runs, so that the lease of a run that is newer than their list is not in question.
  const leases = await readRow(TABLE_NAME, AwakeProject, rowKey('awake', project));
  const { items } = await pageEnclaveRuns(TABLE_NAME, project, { limit: RUNS });
  const machines = instances.filter(instance => instance.project === project).map(({ run }) => run);
  return findLiveRuns(items, leases?.holders ?? [], machines, currentTime());
}

/** Ends what is left of runs whose workflow was stopped or took too long: a state machine catches neither. */
export const handler = stepHandler(z.unknown(), async () => {
  const instances = await listParentRuns(ENVIRONMENT);
  let [count, failures] = [0, 0];
  for (let next: string | undefined, page = 0; page < 200; page++) {
    const answer = await pageRows(TABLE_NAME, Project, rowKey('projects', '').pk, { limit: 100, next });
    for (const { id: project, status } of answer.items) {
      if (status !== 'ready') continue;
      try {
        for (const run of await readLiveRuns(project, instances)) {
          if (await isExecutionRunning(RUN_MACHINE, run)) continue;
          logger.warn('a run is ended that its workflow left', { project, run });
          await closeRun(values, { project, run }, { error: STOPPED, cause: '' });
          count += 1;
        }
      } catch (error) {
        failures += 1;
        logger.error('the enclave runs of a project could not be swept', { project, error: error as Error });
      }
    }
    next = answer.next;
    if (next === undefined) break;
  }
  // Thrown at the end, so that the alarm fires after everything else is done.
  if (failures > 0) throw new Error(`the enclave runs of ${failures} projects could not be swept`);
  return { ended: count };
});
