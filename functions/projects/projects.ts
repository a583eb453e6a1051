import { Refused } from '../refused.ts';
import type { FailedProject, Project, ProjectNetwork, ProvisioningProject, ReadyProject } from './schemas.ts';

/** By then one attempt is over, one way or the other: the workflow's timeout. */
export const PROJECT_DEADLINE_SECONDS = 2 * 3600;

export const requestProject = (
  wanted: { id: string; title: string },
  requestedBy: string,
  now: string,
): ProvisioningProject => ({
  status: 'provisioning',
  id: wanted.id,
  title: wanted.title,
  requestedBy,
  requestedAt: now,
  attempt: 1,
  startedAt: now,
});

/** The same request again, as after a crash between writing the project down and starting its workflow. */
export const isRepeatedRequest = (
  project: Project,
  wanted: { id: string; title: string },
  requestedBy: string,
): boolean =>
  project.status === 'provisioning' &&
  project.attempt === 1 &&
  project.id === wanted.id &&
  project.title === wanted.title &&
  project.requestedBy === requestedBy;

const isOverdue = ({ startedAt }: ProvisioningProject, now: string): boolean =>
  Date.parse(now) > Date.parse(startedAt) + PROJECT_DEADLINE_SECONDS * 1000;

/**
 * The project as its next attempt finds it. An attempt under way stays as it is (starting it again does nothing where it
 * runs, and starts it if it never started); past its deadline it can't be under way.
 */
export function retryProject(project: Project, now: string): ProvisioningProject {
  if (project.status === 'ready')
    throw new Refused('conflict', `Project ${project.id} is ready: there is nothing to try again.`);
  if (project.status === 'provisioning' && !isOverdue(project, now)) return project;
  const { id, title, requestedBy, requestedAt, attempt, cidr } = project;
  return {
    status: 'provisioning',
    id,
    title,
    requestedBy,
    requestedAt,
    attempt: attempt + 1,
    startedAt: now,
    ...(cidr !== undefined && { cidr }),
  };
}

/** Whether this attempt is the one that may change the project. An overtaken attempt must leave everything alone. */
export const isCurrentAttempt = (project: Project | undefined, attempt: number): project is ProvisioningProject =>
  project?.status === 'provisioning' && project.attempt === attempt;

export function completeProject(
  { startedAt: _, ...project }: ProvisioningProject,
  network: ProjectNetwork,
  now: string,
): ReadyProject {
  if (project.cidr === undefined) throw new Error(`project ${project.id} has a network, but holds no block`);
  return { ...project, status: 'ready', cidr: project.cidr, network, readyAt: now };
}

/** What failed is `unwound` when nothing of it is left; only then its block may go to others. */
export function failProject(
  project: ProvisioningProject,
  reason: string,
  unwound: boolean,
  now: string,
): FailedProject {
  const { startedAt: _, cidr, ...rest } = project;
  return {
    ...rest,
    status: 'failed',
    reason: unwound ? reason : `${reason} Rolling back is unfinished; a retry continues it.`,
    failedAt: now,
    ...(!unwound && cidr !== undefined && { cidr }),
  };
}
