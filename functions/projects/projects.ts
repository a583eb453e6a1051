import { outgoingEvent } from '../contract.ts';
import { type Decision, ignoreStaleStep, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import { leaseBlock, mayLeaseBlock, type NetworkBlock, returnBlock } from './block.ts';
import { ProjectFailed, ProjectReady } from './events.ts';
import type { Project, ProjectNetwork, ProvisioningProject } from './schemas.ts';

/** The workflow's timeout: by then an attempt has succeeded or failed. */
export const PROJECT_DEADLINE_SECONDS = 2 * 3600;

export const requestProject = (
  request: { id: string; title: string },
  operator: { id: string; name: string },
  now: string,
): ProvisioningProject => ({
  status: 'provisioning',
  id: request.id,
  title: request.title,
  requestedBy: operator.id,
  requestedByName: operator.name,
  requestedAt: now,
  attempt: 1,
  startedAt: now,
});

/** Whether it is a repeated request, for example after a crash between writing the project and starting its workflow. */
export const isRepeatedRequest = (
  project: Project,
  request: { id: string; title: string },
  requestedBy: string,
): boolean =>
  project.status === 'provisioning' &&
  project.attempt === 1 &&
  project.id === request.id &&
  project.title === request.title &&
  project.requestedBy === requestedBy;

const isOverdue = ({ startedAt }: ProvisioningProject, now: string): boolean =>
  Date.parse(now) > Date.parse(startedAt) + PROJECT_DEADLINE_SECONDS * 1000;

/** What an operator asks for, and what the steps of an attempt report. */
export type ProjectCommand =
  | { do: 'retry' }
  | { do: 'leaseBlock'; attempt: number; cidr: string }
  | { do: 'recordNetwork'; attempt: number; network: ProjectNetwork }
  | { do: 'recordFailure'; attempt: number; reason: string; rolledBack: boolean; quarantineUntil: string };

/** A project, and the block of addresses that the command is about, if any. Both change in one write. */
export interface ProjectState {
  readonly project: Project;
  readonly block?: NetworkBlock | undefined;
}
type ProjectDecision = Decision<ProjectState>;

/** Decides the next state of a project. Steps of an attempt that was replaced are ignored. */
export function decideProject(state: ProjectState, command: ProjectCommand, now: string): ProjectDecision {
  switch (command.do) {
    case 'retry':
      return retryProject(state, now);
    case 'leaseBlock':
      return leaseProjectBlock(state, command, now);
    case 'recordNetwork':
      return recordNetwork(state, command, now);
    case 'recordFailure':
      return recordFailure(state, command, now);
  }
}

/**
 * The next attempt. An attempt in progress is kept: starting its execution again has no effect if it runs, and starts it
 * if it does not. After its deadline an attempt cannot be in progress.
 */
function retryProject(state: ProjectState, now: string): ProjectDecision {
  const { project } = state;
  if (project.status === 'ready') throw new Refused('conflict', `Project ${project.id} is ready and needs no retry.`);
  if (project.status === 'provisioning' && !isOverdue(project, now))
    return keepState(state, 'the attempt is in progress');
  const { id, title, requestedBy, requestedByName, requestedAt, attempt, cidr } = project;
  return {
    state: {
      project: {
        status: 'provisioning',
        id,
        title,
        requestedBy,
        ...(requestedByName !== undefined && { requestedByName }),
        requestedAt,
        attempt: attempt + 1,
        startedAt: now,
        ...(cidr !== undefined && { cidr }),
      },
    },
    events: [],
    reason: 'the previous attempt failed or passed its deadline',
  };
}

/** Whether this attempt is the one that may change the project. */
export const isCurrentAttempt = (project: Project | undefined, attempt: number): project is ProvisioningProject =>
  project?.status === 'provisioning' && project.attempt === attempt;

/** Leases the block, unless the project holds one already or others hold this one. */
function leaseProjectBlock(
  state: ProjectState,
  { attempt, cidr }: Extract<ProjectCommand, { do: 'leaseBlock' }>,
  now: string,
): ProjectDecision {
  const { project, block } = state;
  if (!isCurrentAttempt(project, attempt)) return ignoreStaleStep(state);
  if (project.cidr !== undefined) return keepState(state, 'the project holds a block');
  if (!mayLeaseBlock(block, project.id, now)) return keepState(state, 'the block is not free');
  return {
    state: { project: { ...project, cidr }, block: leaseBlock(cidr, project.id, now) },
    events: [],
    reason: 'the block is free',
  };
}

function recordNetwork(
  state: ProjectState,
  { attempt, network }: Extract<ProjectCommand, { do: 'recordNetwork' }>,
  now: string,
): ProjectDecision {
  const { project } = state;
  if (project.status === 'ready' && project.attempt === attempt) return keepState(state, 'the network is on record');
  if (!isCurrentAttempt(project, attempt)) return ignoreStaleStep(state);
  const { startedAt: _, cidr, ...rest } = project;
  if (cidr === undefined) throw new Error(`project ${project.id} has a network, but holds no block`);
  return {
    state: { project: { ...rest, status: 'ready', cidr, network, readyAt: now } },
    events: [outgoingEvent(ProjectReady, { project: project.id, attempt, network })],
    reason: 'the network is built',
  };
}

/** Only a block whose network is gone may go to other projects. */
function recordFailure(
  state: ProjectState,
  { attempt, reason, rolledBack, quarantineUntil }: Extract<ProjectCommand, { do: 'recordFailure' }>,
  now: string,
): ProjectDecision {
  const { project, block } = state;
  if (project.status === 'failed' && project.attempt === attempt) return keepState(state, 'the failure is on record');
  if (!isCurrentAttempt(project, attempt)) return ignoreStaleStep(state);
  const { startedAt: _, cidr, ...rest } = project;
  const explanation = rolledBack ? reason : `${reason} The rollback is not finished; retry the project to continue it.`;
  const freeBlock = rolledBack ? returnBlock(block, project.id, quarantineUntil) : undefined;
  return {
    state: {
      project: {
        ...rest,
        status: 'failed',
        reason: explanation,
        failedAt: now,
        ...(!rolledBack && cidr !== undefined && { cidr }),
      },
      block: freeBlock ?? block,
    },
    events: [outgoingEvent(ProjectFailed, { project: project.id, attempt, reason: explanation, rolledBack })],
    reason: 'the attempt failed',
  };
}
