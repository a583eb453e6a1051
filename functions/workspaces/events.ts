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
