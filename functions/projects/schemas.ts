import * as z from 'zod';

/** A project's name is its id everywhere: in stacks, buckets, tags and bills. */
export const ProjectId = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'lower-case letters, digits and single hyphens, starting with a letter')
  .min(3)
  .max(20);

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
