import * as z from 'zod';
import { Refused } from '../refused.ts';

/** A project's name is its id everywhere: in stacks, buckets, tags and bills. */
export const ProjectId = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'lower-case letters, digits and single hyphens, starting with a letter')
  .min(3)
  .max(20);

/** By then one attempt is over, one way or the other: the workflow's timeout. */
export const PROJECT_DEADLINE_SECONDS = 2 * 3600;

const common = {
  id: ProjectId,
  title: z.string().min(1).max(200),
  requestedBy: z.string(),
  requestedAt: z.iso.datetime(),
  /** Counts the tries; names the workflow's execution, so that one try can run once only. */
  attempt: z.number().int().min(1),
};

/** What the project's network stack put out: where everything of the project lives. */
export const ProjectNetwork = z.object({
  stackId: z.string().min(1),
  vpcId: z.string().min(1),
  /** Isolated, one in each of two zones. */
  subnetIds: z.array(z.string().min(1)).length(2),
  /** For workspaces and jobs. */
  securityGroupId: z.string().min(1),
  /** For interface endpoints, which exist only while something runs. */
  endpointSecurityGroupId: z.string().min(1),
  bucket: z.string().min(1),
  keyArn: z.string().min(1),
  /** The name, not the ARN. */
  instanceProfile: z.string().min(1),
  /** The unique id of the instances' role; with an instance's own id behind it, that is its `aws:userid`. */
  instanceRole: z.string().min(1),
});
export type ProjectNetwork = z.infer<typeof ProjectNetwork>;

/** Whoever has a `cidr` holds that block: it is given back in the same write that takes it away here. */
export const Project = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('provisioning'),
    ...common,
    startedAt: z.iso.datetime(),
    cidr: z.string().optional(),
  }),
  z.object({
    status: z.literal('ready'),
    ...common,
    cidr: z.string(),
    network: ProjectNetwork,
    readyAt: z.iso.datetime(),
  }),
  z.object({
    status: z.literal('failed'),
    ...common,
    reason: z.string().min(1),
    failedAt: z.iso.datetime(),
    /** Still leased, because the network there could not be removed. The next attempt uses it. */
    cidr: z.string().optional(),
  }),
]);
export type Project = z.infer<typeof Project>;
export type ProvisioningProject = Extract<Project, { status: 'provisioning' }>;
export type ReadyProject = Extract<Project, { status: 'ready' }>;
export type FailedProject = Extract<Project, { status: 'failed' }>;

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
