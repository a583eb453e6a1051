import * as z from 'zod';
import { contract } from '../contract.ts';
import { ProjectRole } from '../http/route.ts';
import { ProjectId, ProjectNetwork } from './schemas.ts';

const subject = { project: ProjectId, attempt: z.number().int().min(1) };

export const ProjectReady = contract(
  'broch.projects',
  'ProjectReady',
  z.object({ ...subject, network: ProjectNetwork }),
);

export const ProjectFailed = contract(
  'broch.projects',
  'ProjectFailed',
  z.object({ ...subject, reason: z.string(), rolledBack: z.boolean() }),
);

/** Who changed a membership, when and why. */
const membership = {
  project: ProjectId,
  user: z.string().min(1),
  name: z.string().min(1),
  by: z.string().min(1),
  byName: z.string().min(1),
  at: z.iso.datetime(),
  reason: z.string().optional(),
};
const membershipWithRoles = z.object({ ...membership, roles: z.array(ProjectRole).min(1) });

export const MemberAdded = contract('broch.projects', 'MemberAdded', membershipWithRoles);

export const MemberRoleChanged = contract('broch.projects', 'MemberRoleChanged', membershipWithRoles);

/** From now on the person has no access to the project. */
export const MemberRemoved = contract('broch.projects', 'MemberRemoved', z.object(membership));
