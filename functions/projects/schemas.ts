import * as z from 'zod';
import { ProjectRole } from '../http/route.ts';

/** A project's id is used in the names of stacks and buckets, in tags and in bills. */
export const ProjectId = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'lower-case letters, digits and single hyphens, starting with a letter')
  .min(3)
  .max(20);

const common = {
  id: ProjectId,
  title: z.string().min(1).max(200),
  requestedBy: z.string(),
  /** Missing of projects from before names were kept. */
  requestedByName: z.string().optional(),
  requestedAt: z.iso.datetime(),
  /** The number of the attempt. It is part of the execution's name, so that an attempt runs only once. */
  attempt: z.number().int().min(1),
};

/** The outputs of the project's network stack. */
export const ProjectNetwork = z.object({
  stackId: z.string().min(1),
  vpcId: z.string().min(1),
  /** Isolated subnets, one in each of two zones. */
  subnetIds: z.array(z.string().min(1)).length(2),
  /** Missing of projects from before their networks could be entered. */
  routeTableId: z.string().min(1).optional(),
  /** For workspaces and jobs. */
  securityGroupId: z.string().min(1),
  /** For interface endpoints, which exist only while a workspace runs. */
  endpointSecurityGroupId: z.string().min(1),
  bucket: z.string().min(1),
  keyArn: z.string().min(1),
  /** The name, not the ARN. */
  instanceProfile: z.string().min(1),
  /** The unique id of the instances' role. An instance's `aws:userid` is this id, a colon and the instance's id. */
  instanceRole: z.string().min(1),
  /** How the project reads datasets. A project from before that has none; it cannot be given a dataset. */
  datasets: z
    .object({
      /** The ARN of the access point on the lake. */
      accessPoint: z.string().min(1),
      /** What takes the place of a bucket's name in requests. */
      alias: z.string().min(1),
      /** The ARN of the instances' role. */
      role: z.string().min(1),
    })
    .optional(),
});
export type ProjectNetwork = z.infer<typeof ProjectNetwork>;

/** A project with a `cidr` holds that block. Both are changed in one write. */
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
    /** The block is still leased because its network could not be deleted. The next attempt uses it. */
    cidr: z.string().optional(),
  }),
]);
export type Project = z.infer<typeof Project>;
export type ProvisioningProject = Extract<Project, { status: 'provisioning' }>;
export type ReadyProject = Extract<Project, { status: 'ready' }>;

/** A membership as the API returns it, with the last change that added or removed the person. */
export const MemberView = z.object({
  user: z.string(),
  name: z.string(),
  /** None for a former member. */
  roles: z.array(ProjectRole),
  since: z.iso.datetime(),
  addedBy: z.string().optional(),
  removedAt: z.iso.datetime().optional(),
  removedBy: z.string().optional(),
  reason: z.string().optional(),
});
export type MemberView = z.infer<typeof MemberView>;
