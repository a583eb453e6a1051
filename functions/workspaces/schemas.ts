import * as z from 'zod';
import { ImageName, VersionNumber } from '../images/schemas.ts';
import { ProjectId } from '../projects/schemas.ts';

export const WorkspaceId = z.string().regex(/^ws-[0-9a-f]{12}$/, 'an id such as ws-001122334455');
export const WorkspaceKind = z.enum(['desktop', 'notebook', 'gpu', 'windows']);
export const WorkspaceSize = z.enum(['small', 'medium', 'large']);

const instanceFields = {
  instanceId: z.string(),
  address: z.ipv4(),
  imageId: z.string(),
  /** EC2 prepared the machine for hibernation when it was launched. `large`: its present type has too much memory for it. */
  hibernation: z.enum(['possible', 'large']).optional(),
};
const Instant = z.iso.datetime();

/** A name of the time zone database. */
export const TimeZoneName = z
  .string()
  .max(64)
  .refine(name => /^[A-Za-z]/.test(name) && isTimeZone(name), 'a time zone such as Europe/London');

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

const Clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time such as 08:00');

export const Weekday = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']);

/** When a workspace starts and stops by itself, by the clocks of a time zone. */
export const Timetable = z.object({
  days: z.array(Weekday).min(1).max(7),
  start: Clock,
  stop: Clock,
  zone: TimeZoneName,
});
export type Timetable = z.infer<typeof Timetable>;

/** The version of the image that a workspace's machine was made from. */
const WorkspaceImage = z.object({
  name: ImageName,
  version: VersionNumber,
  ageDays: z.number().int().describe('whole days since the version was built'),
  published: VersionNumber.optional().describe('the version that a new machine of the project is made from'),
  advice: z.string().optional().describe('how to get that version, if it is another one'),
});
export type WorkspaceImage = z.infer<typeof WorkspaceImage>;

const common = {
  id: WorkspaceId,
  project: ProjectId,
  owner: z.string(),
  ownerName: z.string(),
  kind: WorkspaceKind,
  size: WorkspaceSize,
  requestedAt: Instant,
  /** The number of the attempt. It is part of the execution's name, so that an attempt runs only once. */
  attempt: z.number().int().min(1),
  attemptedAt: Instant,
  /** It is deleted when it stops. */
  ephemeral: z.boolean().optional(),
  /** Until then it is not stopped for being idle. */
  awakeUntil: Instant.optional(),
  timetable: Timetable.optional(),
  /** What the timetable asked for until then is done. */
  timetableUntil: Instant.optional(),
  /** The stopped machine that is started again, with its disks. It is never terminated because a start failed. */
  earlierInstance: z.object({ ...instanceFields, hibernatedAt: Instant.optional() }).optional(),
  /** The snapshot of the home of an archived workspace. */
  home: z.string().optional(),
  /** Why the last thing that was tried did not succeed. */
  problem: z.string().optional(),
  /** Only the API answers it, and it is not stored: `workspace list` and `workspace show`. */
  image: WorkspaceImage.optional(),
};

const Requested = z.object({ status: z.literal('requested'), ...common });
const Starting = z.object({ status: z.literal('starting'), ...common, ...instanceFields });
const Ready = z.object({
  status: z.literal('ready'),
  ...common,
  ...instanceFields,
  readyAt: Instant,
  /** The last moment at which somebody or something is known to have used it. */
  usedAt: Instant.optional(),
});
const Failed = z.object({ status: z.literal('failed'), ...common, reason: z.string(), failedAt: Instant });
const changeFields = { ...common, ...instanceFields, reason: z.string() };
const Stopping = z.object({
  status: z.literal('stopping'),
  ...changeFields,
  /** It is hibernated: what its programs have in memory is kept. */
  keepsMemory: z.boolean().optional(),
  /** It was hibernated then. Its programs end now. */
  hibernatedAt: Instant.optional(),
});
const Stopped = z.object({
  status: z.literal('stopped'),
  ...changeFields,
  stoppedAt: Instant,
  /** Days without use after which the owner was last warned. */
  warnedDays: z.number().int().optional(),
});
const Hibernated = z.object({ status: z.literal('hibernated'), ...changeFields, hibernatedAt: Instant });
const Resizing = z.object({
  status: z.literal('resizing'),
  ...changeFields,
  /** It ran before, so it is started again. */
  restart: z.boolean(),
});
const Restoring = z.object({
  status: z.literal('restoring'),
  ...changeFields,
  /** The snapshot that its home is made from. */
  snapshot: z.string(),
  /** It ran before, so it is started again. */
  restart: z.boolean(),
});
const Archiving = z.object({
  status: z.literal('archiving'),
  ...changeFields,
  /** The attempt that began it. Later ones continue it with the snapshot that an earlier one took. */
  firstAttempt: z.number().int().min(1).optional(),
});
const Archived = z.object({ status: z.literal('archived'), ...common, reason: z.string(), archivedAt: Instant });
const Deleting = z.object({
  status: z.literal('deleting'),
  ...common,
  lastInstance: z.string().optional(),
  reason: z.string(),
});
const Deleted = z.object({ status: z.literal('deleted'), ...common, reason: z.string(), deletedAt: Instant });
const settledSchemas = [
  Stopping,
  Stopped,
  Hibernated,
  Resizing,
  Restoring,
  Archiving,
  Archived,
  Deleting,
  Deleted,
  Failed,
] as const;

/** A workspace as the API returns it. */
export const WorkspaceView = z.discriminatedUnion('status', [Requested, Starting, Ready, ...settledSchemas]);
export type WorkspaceView = z.infer<typeof WorkspaceView>;

/** `dcv`: the desktop can be shown by Amazon DCV, and by RDP too. */
export const DesktopProtocol = z.enum(['rdp', 'vnc', 'dcv']);
export type DesktopProtocol = z.infer<typeof DesktopProtocol>;

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
  ...settledSchemas,
]);
export type Workspace = z.infer<typeof Workspace>;
export type WorkspaceIn<S extends Workspace['status']> = Extract<Workspace, { status: S }>;

/** What a workspace would cost. All amounts are in millionths of a dollar an hour. */
export const WorkspaceEstimate = z.object({
  kind: WorkspaceKind,
  size: WorkspaceSize,
  types: z.array(z.string()).describe('the machines, in the order in which they are tried'),
  hourlyMicros: z.number().optional().describe('the dearest of them; absent if your operator gave no prices'),
  homeGigabytes: z.number().describe('the disk that is paid for while the workspace is stopped'),
  hibernates: z
    .boolean()
    .describe('whether it can be hibernated. Its memory is then kept on the disk of the machine, at no further cost'),
  running: z.number().describe('workspaces that run in the project now'),
  runningLimit: z.number(),
  projectHourlyMicros: z.number().describe('what runs in the project now'),
  limitHourlyMicros: z.number().optional().describe('the most that it may cost'),
  refusal: z.string().optional().describe('why a start would be refused now'),
});
export type WorkspaceEstimate = z.infer<typeof WorkspaceEstimate>;

/** The workspaces of one person in one project that have a machine or wait for one; the limit counts them. */
export const Desk = z.object({ live: z.array(WorkspaceId) });
export type Desk = z.infer<typeof Desk>;

export const SnapshotId = z.string().regex(/^snap-[0-9a-zA-Z]{8,40}$/, 'an id such as snap-00112233445566778');

/** A snapshot of a workspace's home. */
export const HomeSnapshot = z.object({
  id: SnapshotId,
  takenAt: Instant,
  /** `owner`: the owner took it. `backup`: AWS Backup took it at night. `archive`: it was taken when the workspace was archived. */
  madeBy: z.enum(['owner', 'backup', 'archive']),
  complete: z.boolean().describe('only a complete snapshot can be restored'),
});
export type HomeSnapshot = z.infer<typeof HomeSnapshot>;
