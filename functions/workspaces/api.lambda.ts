import { randomBytes } from 'node:crypto';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { startExecution } from '../executions.ts';
import { http } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { rowKey } from '../keys.ts';
import { hasProject, readMembership } from '../membership.ts';
import { readGroups } from '../people.ts';
import { Project } from '../projects/schemas.ts';
import { readRow } from '../table.ts';
import { isChangingWorkspace } from './life.ts';
import { mintDesktopLink } from './link.ts';
import { decryptPassword } from './passwords.ts';
import { workspacesRoutes } from './routes.ts';
import type { Workspace } from './schemas.ts';
import { changeWorkspace, createWorkspace, pageWorkspaces, readWorkspace } from './store.ts';
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
} = env.parse(process.env);
const secrets = new SecretsManagerClient({});

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

/** The workspace of this kind that the person left, most recently used first. */
async function findLeftWorkspace(
  project: string,
  owner: string,
  kind: Workspace['kind'],
): Promise<Workspace | undefined> {
  const candidates: Workspace[] = [];
  for (let next: string | undefined, page = 0; page < 10; page++) {
    const { items, next: following } = await pageWorkspaces(TABLE_NAME, project, { limit: 100, next });
    candidates.push(...items.filter(item => item.owner === owner && item.kind === kind));
    if (following === undefined) break;
    next = following;
  }
  return candidates
    .filter(({ status }) => status === 'stopped' || status === 'archived')
    .toSorted((first, second) => (first.attemptedAt < second.attemptedAt ? 1 : -1))[0];
}

/** Read for every link, so that a rotated key applies at once. Links are opened only a few times a day. */
async function gatewayKey(): Promise<string> {
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: GATEWAY_KEY }));
  return SecretString ?? '';
}

export const handler = http(
  workspacesRoutes,
  'workspaces',
  {
    async askWorkspace({ user, params: { project }, body: { kind, size, another: isNew, ephemeral } }) {
      const workspace = isNew || ephemeral ? undefined : await findLeftWorkspace(project, user.id, kind);
      if (workspace) return obey(project, workspace.id, { do: 'start', by: user, deadlineSeconds: DEADLINE_SECONDS });
      const id = `ws-${randomBytes(6).toString('hex')}`;
      const projectRow = await readRow(TABLE_NAME, Project, rowKey('project', project));
      const now = currentTime();
      const { state } = await createWorkspace(
        TABLE_NAME,
        { project, id, owner: user.id },
        desk => requestWorkspace(projectRow, desk, user, { id, kind, size, ephemeral }, now),
        now,
      );
      await startAttempt(state.workspace);
      return state.workspace;
    },

    async listWorkspaces({ params: { project }, query }) {
      return pageWorkspaces(TABLE_NAME, project, query);
    },

    async showWorkspace({ params: { project, workspace } }) {
      return readWorkspace(TABLE_NAME, project, workspace);
    },

    async retryWorkspace({ user, params: { project, workspace } }) {
      return obey(project, workspace, { do: 'retry', by: user, deadlineSeconds: DEADLINE_SECONDS });
    },

    async startWorkspace({ user, params: { project, workspace } }) {
      return obey(project, workspace, { do: 'start', by: user, deadlineSeconds: DEADLINE_SECONDS });
    },

    async stopWorkspace({ user, params: { project, workspace } }) {
      return obey(project, workspace, { do: 'stop', by: user });
    },

    async resizeWorkspace({ user, params: { project, workspace }, body: { size } }) {
      return obey(project, workspace, { do: 'resize', by: user, size });
    },

    async keepWorkspaceAwake({ user, params: { project, workspace }, body: { until: deadline } }) {
      return obey(project, workspace, { do: 'keepAwake', by: user, until: deadline });
    },

    async archiveWorkspace({ user, params: { project, workspace } }) {
      return obey(project, workspace, { do: 'archive', by: user });
    },

    async deleteWorkspace({ user, params: { project, workspace } }) {
      return obey(project, workspace, { do: 'delete', by: user });
    },

    async linkWorkspace({ user, params: { project, workspace: id } }) {
      const workspace = requireReadyWorkspace(await readWorkspace(TABLE_NAME, project, id), user);
      const password = await decryptPassword(PASSWORDS_KEY, workspace.desktop.password, id);
      const key = await gatewayKey();
      const now = currentTime();
      const { url, expires, sha256 } = mintDesktopLink(
        { workspace, password, user: user.name, gateway: GATEWAY, key, seconds: LINK_SECONDS },
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
