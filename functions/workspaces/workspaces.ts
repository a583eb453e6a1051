import * as z from 'zod';
import { ProjectId } from '../projects/projects.ts';

export const WorkspaceId = z.string().regex(/^ws-[0-9a-f]{12}$/);
export const WorkspaceKind = z.enum(['linux', 'windows']);
export const WorkspaceSize = z.enum(['small', 'medium', 'large']);

const common = {
  id: WorkspaceId,
  project: ProjectId,
  owner: z.string(),
  ownerName: z.string(),
  kind: WorkspaceKind,
  size: WorkspaceSize,
  requestedAt: z.iso.datetime(),
};
const launched = { instanceId: z.string(), address: z.string(), imageId: z.string() };

export const Workspace = z.discriminatedUnion('status', [
  z.object({ status: z.literal('requested'), ...common }),
  z.object({ status: z.literal('starting'), ...common, ...launched }),
  z.object({ status: z.literal('ready'), ...common, ...launched, readyAt: z.iso.datetime() }),
  z.object({ status: z.literal('failed'), ...common, reason: z.string(), failedAt: z.iso.datetime() }),
]);
export type Workspace = z.infer<typeof Workspace>;
