import * as z from 'zod';
import { contract } from '../contract.ts';
import { ProjectId } from '../projects/schemas.ts';
import { WorkspaceId, WorkspaceKind, WorkspaceSize } from './schemas.ts';

const subject = {
  project: ProjectId,
  workspace: WorkspaceId,
  owner: z.string(),
  ownerName: z.string(),
  kind: WorkspaceKind,
  size: WorkspaceSize,
  attempt: z.number().int(),
  at: z.iso.datetime(),
};

export const WorkspaceReady = contract(
  'broch.workspaces',
  'WorkspaceReady',
  z.object({ ...subject, instanceId: z.string(), imageId: z.string() }),
);

export const WorkspaceFailed = contract(
  'broch.workspaces',
  'WorkspaceFailed',
  z.object({ ...subject, reason: z.string() }),
);

export const WorkspaceStopped = contract(
  'broch.workspaces',
  'WorkspaceStopped',
  z.object({ ...subject, reason: z.string() }),
);

/** Its machine is off, and what its programs had in memory is kept. */
export const WorkspaceHibernated = contract(
  'broch.workspaces',
  'WorkspaceHibernated',
  z.object({ ...subject, reason: z.string() }),
);

export const WorkspaceArchived = contract(
  'broch.workspaces',
  'WorkspaceArchived',
  z.object({ ...subject, reason: z.string(), home: z.string() }),
);

export const WorkspaceDeleted = contract(
  'broch.workspaces',
  'WorkspaceDeleted',
  z.object({ ...subject, reason: z.string() }),
);

/** A stopped workspace has not been used for a long time. */
export const WorkspaceUnused = contract(
  'broch.workspaces',
  'WorkspaceUnused',
  z.object({ ...subject, days: z.number().int() }),
);
