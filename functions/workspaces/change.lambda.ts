import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { readDataTier, TierFamilies } from '../data-tier.ts';
import { startExecution } from '../executions.ts';
import { stepHandler } from '../handler.ts';
import { planChange } from './change.ts';
import { leaseEnvironment, releaseWorkspace } from './leases.ts';
import { isChangingWorkspace } from './life.ts';
import { observeWorkspace, performChangeStep } from './machines.ts';
import { explainLostMachine } from './reasons.ts';
import { type Workspace, WorkspaceKind, WorkspaceSize } from './schemas.ts';
import { changeWorkspace, LaunchAttempt, readWorkspace } from './store.ts';
import { permitTypes, tierEnvironment } from './tiers.ts';
import { decideWorkspace, type WorkspaceCommand } from './workspaces.ts';

export const env = z.object({
  ...leaseEnvironment,
  ENVIRONMENT: z.string(),
  ...tierEnvironment,
  MACHINE_ARN: z.string(),
});
const values = env.parse(process.env);
const { TABLE_NAME, SIZES, FAMILIES, TIER, MACHINE_ARN } = values;
const sizes = z.record(WorkspaceKind, z.record(WorkspaceSize, z.array(z.string()))).parse(JSON.parse(SIZES));
const families = TierFamilies.parse(JSON.parse(FAMILIES));

/** The instance types that the workspace may use. Only a resize needs them, so a stop never fails because of the tier. */
async function findTypes(workspace: Workspace): Promise<string[]> {
  if (workspace.status !== 'resizing') return [];
  const tier = await readDataTier(TABLE_NAME, workspace.project, TIER);
  return permitTypes(sizes[workspace.kind][workspace.size], tier, families, workspace);
}

/**
 * Does the next thing that a stop, a resize, an archive or a deletion needs, and says whether that was the last one. It
 * decides by what EC2 has, so it may be called at any time and any number of times.
 */
export const handler = stepHandler(LaunchAttempt, async ({ project, workspace: id, attempt }) => {
  const workspace = await readWorkspace(TABLE_NAME, project, id);
  // The resized machine starts again. The workflow has a name, so a second start changes nothing.
  if (workspace.status === 'requested' && workspace.attempt === attempt + 1) await restart(project, id, attempt + 1);
  if (workspace.attempt !== attempt || !isChangingWorkspace(workspace)) {
    if (isAtRest(workspace)) await releaseWorkspace(values, project, id);
    return { outcome: 'done' as const };
  }
  const observed = await observeWorkspace(workspace);
  const step = planChange(workspace, observed, await findTypes(workspace));
  if (step?.do !== 'finish' && step?.do !== 'lost') {
    if (step) await performChangeStep(workspace, step);
    return { outcome: 'more' as const };
  }
  const now = currentTime();
  const command: WorkspaceCommand =
    step.do === 'finish'
      ? {
          ...{ do: 'finishChange', attempt },
          ...(step.home !== undefined && { home: step.home }),
          ...(step.hibernated !== undefined && { hibernated: step.hibernated }),
        }
      : { do: 'recordEnd', reason: explainLostMachine('instanceId' in workspace ? workspace.instanceId : id) };
  const { state } = await changeWorkspace(TABLE_NAME, project, id, read => decideWorkspace(read, command, now), now);
  if (state.workspace.status === 'requested') await restart(project, id, state.workspace.attempt);
  else await releaseWorkspace(values, project, id);
  return { outcome: 'done' as const };
});

/** Repeated, because an earlier call may have been interrupted after it recorded the end. */
const isAtRest = ({ status }: Workspace) => ['stopped', 'hibernated', 'archived', 'deleted', 'failed'].includes(status);

const restart = (project: string, workspace: string, attempt: number) =>
  startExecution(MACHINE_ARN, `${workspace}-${attempt}`, { project, workspace, attempt });
