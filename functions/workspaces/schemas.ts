import * as z from 'zod';
import { ProjectId } from '../projects/schemas.ts';

export const WorkspaceId = z.string().regex(/^ws-[0-9a-f]{12}$/, 'an id such as ws-001122334455');
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
  /** The number of the attempt. It is part of the execution's name, so that an attempt runs only once. */
  attempt: z.number().int().min(1),
  attemptedAt: z.iso.datetime(),
};
const instanceFields = { instanceId: z.string(), address: z.ipv4(), imageId: z.string() };

const Requested = z.object({ status: z.literal('requested'), ...common });
const Starting = z.object({ status: z.literal('starting'), ...common, ...instanceFields });
const Ready = z.object({ status: z.literal('ready'), ...common, ...instanceFields, readyAt: z.iso.datetime() });
const Failed = z.object({
  status: z.literal('failed'),
  ...common,
  reason: z.string(),
  failedAt: z.iso.datetime(),
});

/** A workspace as the API returns it. */
export const WorkspaceView = z.discriminatedUnion('status', [Requested, Starting, Ready, Failed]);
export type WorkspaceView = z.infer<typeof WorkspaceView>;

export const DesktopProtocol = z.enum(['rdp', 'vnc']);

/** How the gateway signs in to the desktop. The password is encrypted for this workspace only. */
export const Desktop = z.object({ protocol: DesktopProtocol, password: z.string(), reportedAt: z.iso.datetime() });
export type Desktop = z.infer<typeof Desktop>;

/** A workspace as stored, with fields that the API must not return. The schema of the API removes them. */
export const Workspace = z.discriminatedUnion('status', [
  Requested,
  // The desktop's report and the workflow's token arrive in either order.
  Starting.extend({ token: z.string().optional(), desktop: Desktop.optional() }),
  Ready.extend({
    desktop: Desktop,
    /** The hash of the last link, to match it with the log of the gateway. */
    link: z.object({ sha256: z.string(), expires: z.iso.datetime() }).optional(),
  }),
  Failed,
]);
export type Workspace = z.infer<typeof Workspace>;
export type WorkspaceIn<S extends Workspace['status']> = Extract<Workspace, { status: S }>;

/** The workspaces of one person in one project that exist or are being created; the limit counts them. */
export const Desk = z.object({ live: z.array(WorkspaceId) });
export type Desk = z.infer<typeof Desk>;
