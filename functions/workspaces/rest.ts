import { outgoingEvent } from '../contract.ts';
import { keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import {
  fieldsWithoutInstance,
  replaceWorkspace,
  subjectOfWorkspace,
  type WorkspaceDecision,
  type WorkspaceState,
} from './desk.ts';
import { WorkspaceHibernated, WorkspaceStopped } from './events.ts';
import { workspaceProviders } from './kinds.ts';
import type { Workspace, WorkspaceIn } from './schemas.ts';

/** What becomes of the programs of a machine that is switched off: kept in memory, or ended although they were kept. */
export type MemoryWish = 'keep' | 'end';

/** AWS keeps no machine hibernated for more than 60 days: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-hibernate-limitations.html */
export const MAX_HIBERNATED_DAYS = 59;

type InstanceFields = Pick<WorkspaceIn<'ready'>, 'instanceId' | 'address' | 'imageId' | 'hibernation'>;

/** What identifies a machine in the row of its workspace. */
export const instanceOf = ({ instanceId, address, imageId, hibernation }: InstanceFields) => ({
  ...{ instanceId, address, imageId },
  ...(hibernation !== undefined && { hibernation }),
});

/** The machine that a start continues with, if the workspace has one that is off. */
export function machineToStart(workspace: Workspace): Workspace['earlierInstance'] {
  if (workspace.status === 'stopped') return instanceOf(workspace);
  if (workspace.status === 'hibernated') return { ...instanceOf(workspace), hibernatedAt: workspace.hibernatedAt };
  return workspace.earlierInstance;
}

/** EC2 changes no machine that is hibernated, and its disks hold what its programs have not written yet. */
export function refuseHibernated({ id, project, status }: Workspace): void {
  if (status === 'hibernated')
    throw new Refused(
      'conflict',
      `${id} is hibernated: its programs wait in memory. Start it first (broch workspace start ${project} ${id}), or end its programs (broch workspace stop ${project} ${id} --cold).`,
    );
}

function requireHibernation({ id, project, kind, ephemeral, hibernation }: WorkspaceIn<'ready'>): void {
  const stop = `Stop it without --hibernate: broch workspace stop ${project} ${id}.`;
  if (ephemeral) throw new Refused('conflict', `${id} is deleted when it stops, so it cannot hibernate. ${stop}`);
  if (!workspaceProviders[kind].hibernates)
    throw new Refused('conflict', `AWS cannot hibernate the image of ${kind} workspaces. ${stop}`);
  if (hibernation === 'large')
    throw new Refused(
      'conflict',
      `The machine of ${id} has more memory than AWS saves. Choose a smaller size for it: broch workspace resize ${project} ${id} --size small. ${stop}`,
    );
  if (hibernation === undefined)
    throw new Refused(
      'conflict',
      `The machine of ${id} was not started so that it can hibernate. EC2 prepares only new machines, with at most 16 GB of memory, of the kinds that your operator names (workspaces.hibernate). For such a machine, archive the workspace and start it; only the home is kept. ${stop}`,
    );
}

/** Switches the machine of a workspace off. A wish of Broch itself to hibernate it is no more than a wish. */
export function restWorkspace(
  state: WorkspaceState,
  { memory, isPerson, reason }: { memory: MemoryWish | undefined; isPerson: boolean; reason: string },
  now: string,
): WorkspaceDecision {
  const { workspace } = state;
  const isThawed = workspace.status === 'hibernated' && memory === 'end';
  if (!isThawed && ['stopping', 'stopped', 'hibernated'].includes(workspace.status))
    return keepState(state, 'the machine is off, or is being switched off');
  if (workspace.status !== 'ready' && workspace.status !== 'hibernated')
    throw new Refused(
      'conflict',
      `${workspace.id} is ${workspace.status}: only a workspace that is ready can be stopped.`,
    );
  if (memory === 'keep' && isPerson && workspace.status === 'ready') requireHibernation(workspace);
  const { awakeUntil: _, ...fields } = fieldsWithoutInstance(workspace);
  const next: Workspace = {
    ...fields,
    ...{ attempt: workspace.attempt + 1, attemptedAt: now },
    ...instanceOf(workspace),
    status: 'stopping',
    reason,
    ...(memory === 'keep' && workspace.hibernation === 'possible' && { keepsMemory: true }),
    ...(workspace.status === 'hibernated' && { hibernatedAt: workspace.hibernatedAt }),
  };
  return replaceWorkspace(state, next, reason);
}

const LOST_MEMORY =
  'AWS did not hibernate the machine, so it was stopped and its programs ended. A machine can hibernate some minutes after its start.';

/** The machine is off. EC2 says whether it was hibernated. */
export function finishRest(
  state: WorkspaceState,
  { keepsMemory, hibernatedAt, problem: _, ...change }: WorkspaceIn<'stopping'>,
  isHibernated: boolean,
  now: string,
): WorkspaceDecision {
  const event = { ...subjectOfWorkspace(change), at: now, reason: change.reason };
  if (keepsMemory && isHibernated)
    return {
      ...replaceWorkspace(state, { ...change, status: 'hibernated', hibernatedAt: now }, 'the machine is hibernated'),
      events: [outgoingEvent(WorkspaceHibernated, event)],
    };
  const next: Workspace = {
    ...change,
    status: 'stopped',
    // Its owner has not used it since it was hibernated.
    stoppedAt: hibernatedAt ?? now,
    ...(keepsMemory && { problem: LOST_MEMORY }),
  };
  return {
    ...replaceWorkspace(state, next, 'the machine is stopped'),
    events: [outgoingEvent(WorkspaceStopped, event)],
  };
}

/** The sweeper found a machine hibernated that was said to be stopped, or the other way round. */
export function recordRest(
  state: WorkspaceState,
  { instanceId, isHibernated }: { instanceId: string; isHibernated: boolean },
): WorkspaceDecision {
  const { workspace } = state;
  if (workspace.status === 'stopped' && isHibernated && workspace.instanceId === instanceId) {
    const { stoppedAt, warnedDays: _, problem: __, ...fields } = workspace;
    return replaceWorkspace(state, { ...fields, status: 'hibernated', hibernatedAt: stoppedAt }, 'it is hibernated');
  }
  if (workspace.status === 'hibernated' && !isHibernated && workspace.instanceId === instanceId) {
    const { hibernatedAt, ...fields } = workspace;
    const problem = 'Its machine was stopped without its memory, so its programs ended.';
    return replaceWorkspace(state, { ...fields, status: 'stopped', stoppedAt: hibernatedAt, problem }, 'it is stopped');
  }
  return keepState(state, 'the workspace is on record as it is');
}
