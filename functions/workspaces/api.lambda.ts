import { randomBytes } from 'node:crypto';
import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { AwakeProject, asleep } from '../awake/lease.ts';
import { awakeLimits, HourlyPrices } from '../awake/prices.ts';
import { currentTime } from '../clock.ts';
import { readDataTier, TierFamilies } from '../data-tier.ts';
import { startExecution } from '../executions.ts';
import { http } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { Image, imageKey } from '../images/schemas.ts';
import { rowKey } from '../keys.ts';
import { hasProject, readMembership, readRoles } from '../membership.ts';
import { readGroups } from '../people.ts';
import { Project } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import { readRow } from '../table.ts';
import { explainHeir, type WorkspacePerson } from './desk.ts';
import { estimateWorkspace } from './estimate.ts';
import { describeImage, machineImageOf } from './image-age.ts';
import { GpuProtocol, workspaceProviders } from './kinds.ts';
import { isChangingWorkspace } from './life.ts';
import { mintDesktopLink } from './link.ts';
import { decryptPassword } from './passwords.ts';
import { workspacesRoutes } from './routes.ts';
import { type Workspace, WorkspaceKind, WorkspaceSize } from './schemas.ts';
import { changeWorkspace, createWorkspace, pageWorkspaces, readWorkspace } from './store.ts';
import { permitTypes, tierEnvironment } from './tiers.ts';
import { decideWorkspace, requestWorkspace, requireReadyWorkspace, type WorkspaceCommand } from './workspaces.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  MACHINE_ARN: z.string(),
  CHANGE_ARN: z.string(),
  PASSWORDS_KEY: z.string(),
  GATEWAY_KEY: z.string(),
  GATEWAY: z.string(),
  LINK_SECONDS: z.coerce.number().int().min(5).max(60),
  /** The workflow's timeout: by then an attempt has succeeded or failed. */
  DEADLINE_SECONDS: z.coerce.number().int(),
  POOL_ID: z.string(),
  /** The time zone of timetables that name none. */
  TIMEZONE: z.string(),
  /** The tiers whose sessions the gateway records, as JSON. */
  RECORDED_TIERS: z.string(),
  GPU_PROTOCOL: GpuProtocol,
  ...tierEnvironment,
  PRICES: z.string(),
  PER_PROJECT: z.coerce.number(),
  /** The kinds whose machines can hibernate, as JSON. */
  HIBERNATES: z.string(),
});
const {
  TABLE_NAME,
  MACHINE_ARN,
  CHANGE_ARN,
  PASSWORDS_KEY,
  GATEWAY_KEY,
  GATEWAY,
  LINK_SECONDS,
  DEADLINE_SECONDS,
  POOL_ID,
  TIMEZONE,
  RECORDED_TIERS,
  GPU_PROTOCOL,
  TIER,
  SIZES,
  FAMILIES,
  PRICES,
  PER_PROJECT,
  HIBERNATES,
} = env.parse(process.env);
const secrets = new SecretsManagerClient({});
const prices = HourlyPrices.parse(JSON.parse(PRICES));
const sizes = z.record(WorkspaceKind, z.record(WorkspaceSize, z.array(z.string()))).parse(JSON.parse(SIZES));
const hibernates = z.array(WorkspaceKind).parse(JSON.parse(HIBERNATES));
const families = TierFamilies.parse(JSON.parse(FAMILIES));
const recordedTiers = z.array(z.number()).parse(JSON.parse(RECORDED_TIERS));

/** Starts the workflow that the status asks for. It has a name, so that an attempt runs only once. */
async function startAttempt(workspace: Workspace): Promise<void> {
  const { id, project, attempt } = workspace;
  const machine = isChangingWorkspace(workspace) ? CHANGE_ARN : workspace.status === 'requested' ? MACHINE_ARN : '';
  if (machine) await startExecution(machine, `${id}-${attempt}`, { project, workspace: id, attempt });
}

/** What the owner wants of a workspace, with the workflow that does it. */
async function obey(project: string, id: string, command: WorkspaceCommand): Promise<Workspace> {
  const now = currentTime();
  const { state } = await changeWorkspace(TABLE_NAME, project, id, read => decideWorkspace(read, command, now), now);
  await startAttempt(state.workspace);
  return state.workspace;
}

/** The workspaces of this kind that the person has, most recently used first. */
async function findOwnWorkspaces(project: string, owner: string, kind: Workspace['kind']): Promise<Workspace[]> {
  const candidates: Workspace[] = [];
  for (let next: string | undefined, page = 0; page < 10; page++) {
    const { items, next: following } = await pageWorkspaces(TABLE_NAME, project, { limit: 100, next });
    candidates.push(...items.filter(item => item.owner === owner && item.kind === kind));
    if (following === undefined) break;
    next = following;
  }
  return candidates.toSorted((first, second) => (first.attemptedAt < second.attemptedAt ? 1 : -1));
}

const isLeft = ({ status }: Workspace) => ['stopped', 'hibernated', 'archived'].includes(status);

async function requestNewWorkspace(
  project: string,
  person: WorkspacePerson,
  wish: Pick<Workspace, 'kind' | 'size' | 'ephemeral'>,
): Promise<Workspace> {
  await findTypes(project, wish);
  const id = `ws-${randomBytes(6).toString('hex')}`;
  const projectRow = await readRow(TABLE_NAME, Project, rowKey('project', project));
  const now = currentTime();
  const { state } = await createWorkspace(
    TABLE_NAME,
    { project, id, owner: person.id },
    desk => requestWorkspace(projectRow, desk, person, { id, ...wish }, now),
    now,
  );
  await startAttempt(state.workspace);
  return state.workspace;
}

/** Whether the gateway records the sessions of a project: its tier decides. */
async function isRecorded(project: string): Promise<boolean> {
  return recordedTiers.length > 0 && recordedTiers.includes(await readDataTier(TABLE_NAME, project, TIER));
}

/** The instance types that a workspace of the project may use. Refuses if the tier permits none of them. */
async function findTypes(project: string, wish: Pick<Workspace, 'kind' | 'size'>): Promise<string[]> {
  const tier = await readDataTier(TABLE_NAME, project, TIER);
  return permitTypes(sizes[wish.kind][wish.size], tier, families, wish);
}

/** Workspaces with the version of the image that the machine of each was made from. */
async function withImages(workspaces: readonly Workspace[]): Promise<Workspace[]> {
  const machines = workspaces.filter(machineImageOf);
  const names = new Set(machines.map(({ kind }) => workspaceProviders[kind].image));
  const images = new Map(
    await Promise.all([...names].map(async name => [name, await readRow(TABLE_NAME, Image, imageKey(name))] as const)),
  );
  const now = currentTime();
  return workspaces.map(workspace => {
    const image = describeImage(workspace, images.get(workspaceProviders[workspace.kind].image), now);
    return image ? { ...workspace, image } : workspace;
  });
}

/**
 * The key that signs links and the one before it, which the gateway still has while somebody is connected. Read for every
 * link: links are opened only a few times a day.
 */
async function readGatewayKeys(): Promise<string[]> {
  const keys: string[] = [];
  for (const VersionStage of ['AWSCURRENT', 'AWSPREVIOUS']) {
    try {
      const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: GATEWAY_KEY, VersionStage }));
      if (SecretString !== undefined) keys.push(SecretString);
    } catch (error) {
      // A key that was never replaced has no key before it.
      if (!(error instanceof ResourceNotFoundException) || VersionStage === 'AWSCURRENT') throw error;
    }
  }
  return keys;
}

export const handler = http(
  workspacesRoutes,
  'workspaces',
  {
    async askWorkspace({ user, params: { project }, body: { kind, size, another: isNew, ephemeral } }) {
      const workspace = isNew || ephemeral ? undefined : (await findOwnWorkspaces(project, user.id, kind)).find(isLeft);
      if (workspace) return obey(project, workspace.id, { do: 'start', by: user, deadlineSeconds: DEADLINE_SECONDS });
      return requestNewWorkspace(project, user, { kind, size, ephemeral });
    },

    async estimateWorkspace({ params: { project: id }, body: { kind, size } }) {
      const project = (await readRow(TABLE_NAME, AwakeProject, rowKey('awake', id))) ?? asleep;
      return estimateWorkspace({
        kind,
        size,
        types: await findTypes(id, { kind, size }),
        prices,
        limits: awakeLimits(PER_PROJECT, prices),
        project,
        hibernates: hibernates.includes(kind),
      });
    },

    async giveWorkspace({ params: { project }, body: { member, kind, size } }) {
      const membership = await readMembership(TABLE_NAME, project, member);
      if (!membership || membership.roles.length === 0)
        throw new Refused(
          'conflict',
          `Nobody with the id ${member} is a member of ${project}. See broch member list ${project}.`,
        );
      const person = { id: membership.user, name: membership.name };
      const workspaces = await findOwnWorkspaces(project, person.id, kind);
      const workspace = workspaces.find(({ status }) => !['failed', 'deleting', 'deleted'].includes(status));
      if (!workspace) return requestNewWorkspace(project, person, { kind, size });
      // Whoever has one keeps it, so that a course can be launched again for those who failed.
      if (!isLeft(workspace)) return workspace;
      return obey(project, workspace.id, { do: 'start', by: person, deadlineSeconds: DEADLINE_SECONDS });
    },

    async listWorkspaces({ params: { project }, query }) {
      const { items, ...page } = await pageWorkspaces(TABLE_NAME, project, query);
      return { ...page, items: await withImages(items) };
    },

    async showWorkspace({ params: { project, workspace: id } }) {
      const workspace = await readWorkspace(TABLE_NAME, project, id);
      const [view = workspace] = await withImages([workspace]);
      return view;
    },

    async retryWorkspace({ user, params: { project, workspace } }) {
      return obey(project, workspace, { do: 'retry', by: user, deadlineSeconds: DEADLINE_SECONDS });
    },

    async startWorkspace({ user, params: { project, workspace } }) {
      return obey(project, workspace, { do: 'start', by: user, deadlineSeconds: DEADLINE_SECONDS });
    },

    async stopWorkspace({ user, params: { project, workspace }, body: { hibernate, cold: isCold } }) {
      if (hibernate && isCold)
        throw new Refused('invalid', 'Choose one: --hibernate keeps the programs, --cold ends them.');
      const memory = hibernate ? 'keep' : isCold ? 'end' : undefined;
      return obey(project, workspace, { do: 'stop', by: user, ...(memory && { memory }) });
    },

    async resizeWorkspace({ user, params: { project, workspace }, body: { size } }) {
      const { kind } = await readWorkspace(TABLE_NAME, project, workspace);
      await findTypes(project, { kind, size });
      return obey(project, workspace, { do: 'resize', by: user, size });
    },

    async keepWorkspaceAwake({ user, params: { project, workspace }, body: { until: deadline } }) {
      return obey(project, workspace, { do: 'keepAwake', by: user, until: deadline });
    },

    async setTimetable({ user, params: { project, workspace }, body: { days, start, stop, zone = TIMEZONE } }) {
      const timetable = days.length > 0 ? { days, start, stop, zone } : undefined;
      return obey(project, workspace, { do: 'setTimetable', by: user, timetable });
    },

    async archiveWorkspace({ user, params: { project, workspace } }) {
      return obey(project, workspace, { do: 'archive', by: user });
    },

    async deleteWorkspace({ user, params: { project, workspace: id } }) {
      const workspace = await readWorkspace(TABLE_NAME, project, id);
      const ownerRoles = await readRoles(TABLE_NAME, project, workspace.owner);
      const because = explainHeir(workspace, user, (await user.membership())?.roles ?? [], ownerRoles);
      return obey(project, id, because === undefined ? { do: 'delete', by: user } : { do: 'delete', because });
    },

    async linkWorkspace({ user, params: { project, workspace: id } }) {
      const workspace = requireReadyWorkspace(await readWorkspace(TABLE_NAME, project, id), user);
      const password = await decryptPassword(PASSWORDS_KEY, workspace.desktop.password, id);
      const [keys, recording] = [await readGatewayKeys(), await isRecorded(project)];
      const now = currentTime();
      const { url, expires, sha256 } = mintDesktopLink(
        {
          ...{ workspace, password, keys, recording, user: user.name },
          ...{ gateway: GATEWAY, gpuProtocol: GPU_PROTOCOL, seconds: LINK_SECONDS },
        },
        now,
      );
      const command = { do: 'recordLink', by: user, link: { sha256, expires } } as const;
      await changeWorkspace(TABLE_NAME, project, id, read => decideWorkspace(read, command, now), now);
      return { url, expires };
    },
  },
  {
    membership: (project, user) => readMembership(TABLE_NAME, project, user),
    hasProject: project => hasProject(TABLE_NAME, project),
    groups: person => readGroups(POOL_ID, person),
    once: outcomeStore(TABLE_NAME),
  },
);
