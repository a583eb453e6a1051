import { EC2Client } from '@aws-sdk/client-ec2';
import * as z from 'zod';
import { AwakeProject } from '../awake/lease.ts';
import { JobBudget } from '../batch/schemas.ts';
import { currentTime } from '../clock.ts';
import { startExecution } from '../executions.ts';
import { logger, stepHandler } from '../handler.ts';
import { rowKey } from '../keys.ts';
import { Project, type ReadyProject } from '../projects/schemas.ts';
import { pageRows, readRow } from '../table.ts';
import { isSilent } from './activity.ts';
import { nameHomes } from './backups.ts';
import { findDueWarning, judgeUse } from './idle.ts';
import { stopInstance, terminateInstance } from './instances.ts';
import { workspaceProviders } from './kinds.ts';
import { leaseEnvironment, releaseWorkspace } from './leases.ts';
import { isChangingWorkspace } from './life.ts';
import { listMachines, readActivity, readCpuPercent } from './measures.ts';
import { explainLostMachine, explainOverdueLaunch } from './reasons.ts';
import { findLostLeases, planRepairs, type Repair } from './reconcile.ts';
import { MAX_HIBERNATED_DAYS } from './rest.ts';
import { type Workspace, WorkspaceKind } from './schemas.ts';
import { changeWorkspace, pageWorkspaces } from './store.ts';
import { findTimetableMove } from './timetable.ts';
import { decideWorkspace, type WorkspaceCommand } from './workspaces.ts';

export const env = z.object({
  ...leaseEnvironment,
  ENVIRONMENT: z.string(),
  /** The prefix of the names of all project buckets. */
  BUCKETS: z.string(),
  CHANGE_ARN: z.string(),
  MACHINE_ARN: z.string(),
  IDLE_MINUTES: z.coerce.number(),
  /** The kinds that hibernate instead of being stopped, as JSON. */
  HIBERNATES: z.string(),
  BACKUP_DAYS: z.coerce.number(),
  LAUNCH_SECONDS: z.coerce.number(),
  CHANGE_SECONDS: z.coerce.number(),
});
// Larger than 450 KB: the clients of EC2, S3 and CloudWatch. Nothing waits for its cold start.
const values = env.parse(process.env);
const { TABLE_NAME, ENVIRONMENT, CHANGE_ARN, MACHINE_ARN, IDLE_MINUTES, BACKUP_DAYS, LAUNCH_SECONDS, CHANGE_SECONDS } =
  values;
const client = new EC2Client({});
const hibernates = z.array(WorkspaceKind).parse(JSON.parse(values.HIBERNATES));
const limits = { launchSeconds: LAUNCH_SECONDS, changeSeconds: CHANGE_SECONDS };

/** Records a decision, and starts the workflow that it asks for. */
async function record(project: string, id: string, command: WorkspaceCommand): Promise<void> {
  const now = currentTime();
  const { state } = await changeWorkspace(TABLE_NAME, project, id, read => decideWorkspace(read, command, now), now);
  const { status } = state.workspace;
  if (['failed', 'stopped', 'hibernated'].includes(status)) await releaseWorkspace(values, project, id);
  await startWorkflow(state.workspace);
}

/** Starts the workflow that the status asks for. It has a name, so that an attempt runs only once. */
async function startWorkflow(workspace: Workspace): Promise<void> {
  const { id, project, attempt } = workspace;
  const machine = isChangingWorkspace(workspace) ? CHANGE_ARN : workspace.status === 'requested' ? MACHINE_ARN : '';
  if (machine) await startExecution(machine, `${id}-${attempt}`, { project, workspace: id, attempt });
}

async function repair(project: string, plan: Repair): Promise<void> {
  const { workspace: id } = plan;
  logger.warn('a workspace is repaired', { project, ...plan });
  switch (plan.do) {
    case 'end':
      return record(project, id, {
        do: 'recordEnd',
        instanceId: plan.instance,
        reason: explainLostMachine(plan.instance),
      });
    case 'stop':
      return record(project, id, { ...plan, do: 'stop' });
    case 'settle':
      return record(project, id, { do: 'recordRest', instanceId: plan.instance, isHibernated: plan.hibernated });
    case 'fail':
      return record(project, id, { do: 'recordFailure', attempt: plan.attempt, reason: explainOverdueLaunch });
    case 'continue':
      return record(project, id, { do: 'continueChange' });
    case 'halt':
      await stopInstance(plan.instance);
      return;
    case 'terminate':
      await terminateInstance(plan.instance);
      return;
    case 'report':
      throw new Error(`the machine ${plan.instance} names the workspace ${id}, which does not exist`);
  }
}

/** The command to stop a workspace. Kinds that the operator named hibernate where they can. */
const stopOf = ({ kind }: Workspace, because: string): WorkspaceCommand => ({
  ...{ do: 'stop', because },
  ...(hibernates.includes(kind) && { memory: 'keep' }),
});

/** Does what the workspace's timetable asks for. */
async function followTimetable(project: string, workspace: Workspace, now: string): Promise<boolean> {
  const { id, timetable, timetableUntil = now, owner, ownerName, awakeUntil = '' } = workspace;
  const move = timetable && findTimetableMove(timetable, timetableUntil, now);
  if (!move) return false;
  if (move.do === 'stop' && workspace.status === 'ready' && awakeUntil < now)
    await record(project, id, stopOf(workspace, `Its timetable stops it at ${timetable.stop}.`));
  if (move.do === 'start' && (workspace.status === 'stopped' || workspace.status === 'hibernated'))
    await record(project, id, {
      do: 'start',
      by: { id: owner, name: ownerName },
      deadlineSeconds: LAUNCH_SECONDS,
    });
  await record(project, id, { do: 'recordTimetable', at: move.at });
  return true;
}

/** Stops a machine that nobody uses, and warns the owner of a workspace that nobody started for a long time. */
async function tend(
  { id: project, network }: ReadyProject,
  workspace: Workspace,
  hasJobs: boolean,
  now: string,
): Promise<void> {
  // Whoever recorded what is to happen may have been interrupted before its workflow started. It runs only once.
  await startWorkflow(workspace);
  if (await followTimetable(project, workspace, now)) return;
  if (workspace.status === 'stopped') {
    const days = findDueWarning(workspace.stoppedAt, workspace.warnedDays, now);
    if (days !== undefined) await record(project, workspace.id, { do: 'warnUnused', days });
  }
  if (workspace.status === 'hibernated' && daysBetween(workspace.hibernatedAt, now) >= MAX_HIBERNATED_DAYS)
    await record(project, workspace.id, {
      ...{ do: 'stop', memory: 'end' },
      because: `It was hibernated for ${MAX_HIBERNATED_DAYS} days, and AWS keeps no machine hibernated for longer than 60.`,
    });
  if (workspace.status !== 'ready') return;
  const { id, instanceId } = workspace;
  const report = await readActivity(network, instanceId);
  // The last report stays where it is when the agent ends.
  const cpuPercent = isSilent(report, now) ? await readCpuPercent(instanceId, now) : undefined;
  const rules = { idleMinutes: IDLE_MINUTES, busyLoad: workspaceProviders[workspace.kind].busyLoad };
  const usedAt = workspace.usedAt ?? workspace.readyAt;
  const use = judgeUse({ ...workspace, usedAt }, { report, cpuPercent, hasJobs }, rules, now);
  if (use.stop) await record(project, id, stopOf(workspace, `Nobody used it for ${IDLE_MINUTES} minutes.`));
  else if (use.usedAt !== usedAt) await record(project, id, { do: 'recordUse', instanceId, usedAt: use.usedAt });
}

const daysBetween = (start: string, end: string) => (Date.parse(end) - Date.parse(start)) / 86_400_000;

/** Whether a batch job of the project has not ended: money is held for those. */
const readJobs = async (project: string): Promise<boolean> =>
  ((await readRow(TABLE_NAME, JobBudget, rowKey('job', project, 'BUDGET')))?.reservedMicros ?? 0) > 0;

async function readAll<T>(
  read: (next: string | undefined) => Promise<{ items: T[]; next?: string | undefined }>,
): Promise<T[]> {
  const items: T[] = [];
  for (let next: string | undefined, page = 0; page < 200; page++) {
    const answer = await read(next);
    items.push(...answer.items);
    if (answer.next === undefined) break;
    next = answer.next;
  }
  return items;
}

/** Compares the table with EC2 and brings both together; stops what nobody uses. What fails is tried again by the next run. */
export const handler = stepHandler(z.unknown(), async () => {
  const now = currentTime();
  let [count, failures] = [0, 0];
  const attempt = async (project: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      failures += 1;
      logger.error('a workspace could not be swept', { project, error: error as Error });
    }
  };
  const projects = await readAll(next =>
    pageRows(TABLE_NAME, Project, rowKey('projects', '').pk, { limit: 100, next }),
  );
  for (const project of projects) {
    if (project.status !== 'ready') continue;
    const { id } = project;
    await attempt(id, async () => {
      // Before the workspaces, so that the lease of a workspace that is newer than their list is not in question.
      const leases = await readRow(TABLE_NAME, AwakeProject, rowKey('awake', id));
      const workspaces = await readAll(next => pageWorkspaces(TABLE_NAME, id, { limit: 100, next }));
      if (workspaces.length === 0) return;
      count += workspaces.length;
      const repairs = planRepairs(workspaces, await listMachines(ENVIRONMENT, id), limits, now);
      for (const plan of repairs) await attempt(id, () => repair(id, plan));
      const untouched = workspaces.filter(({ id: name }) => !repairs.some(({ workspace }) => workspace === name));
      const hasJobs = await readJobs(id);
      for (const workspace of untouched) await attempt(id, () => tend(project, workspace, hasJobs, now));
      if (BACKUP_DAYS > 0) await attempt(id, async () => void (await nameHomes(client, ENVIRONMENT, id)));
      for (const holder of findLostLeases(leases?.holders ?? [], workspaces))
        await attempt(id, () => releaseWorkspace(values, id, holder));
    });
  }
  // Thrown at the end, so that the alarm fires after everything else is done.
  if (failures > 0) throw new Error(`${failures} workspaces or projects could not be swept`);
  return { workspaces: count };
});
