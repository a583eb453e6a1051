import { EC2Client } from '@aws-sdk/client-ec2';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { startExecution } from '../executions.ts';
import { http } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { hasProject, readMembership } from '../membership.ts';
import { readGroups } from '../people.ts';
import { requireWorkspaceOwner } from './desk.ts';
import { requireHome, requireSnapshotReader } from './homes.ts';
import { isChangingWorkspace } from './life.ts';
import { workspacesRoutes } from './routes.ts';
import { keepHome, listHomeSnapshots, requireSnapshot } from './snapshots.ts';
import { changeWorkspace, readWorkspace } from './store.ts';
import { decideWorkspace } from './workspaces.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  ENVIRONMENT: z.string(),
  MACHINE_ARN: z.string(),
  CHANGE_ARN: z.string(),
  POOL_ID: z.string(),
});
const { TABLE_NAME, MACHINE_ARN, CHANGE_ARN, POOL_ID } = env.parse(process.env);
// The EC2 client is a megabyte, so these routes have a function of their own.
const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

export const handler = http(
  workspacesRoutes,
  'snapshots',
  {
    async listSnapshots({ user, params: { project, workspace: name } }) {
      const workspace = await readWorkspace(TABLE_NAME, project, name);
      const isOperator = user.groups.includes('operator');
      const isLead = (await user.membership())?.roles.includes('lead') ?? false;
      requireSnapshotReader(workspace, { id: user.id, isLead, isOperator });
      return { items: await listHomeSnapshots(client, workspace.id) };
    },

    async snapshotWorkspace({ user, mark, params: { project, workspace } }) {
      return keepHome(client, requireHome(await readWorkspace(TABLE_NAME, project, workspace), user), mark);
    },

    async restoreWorkspace({ user, params: { project, workspace: id }, body: { snapshot } }) {
      const workspace = await readWorkspace(TABLE_NAME, project, id);
      // Before the snapshots are looked at: a refusal would tell others which there are.
      requireWorkspaceOwner(workspace, user);
      await requireSnapshot(client, workspace.id, snapshot);
      const now = currentTime();
      const command = { do: 'restore', by: user, snapshot } as const;
      const { state } = await changeWorkspace(
        TABLE_NAME,
        project,
        id,
        read => decideWorkspace(read, command, now),
        now,
      );
      const { attempt } = state.workspace;
      const machine = isChangingWorkspace(state.workspace) ? CHANGE_ARN : MACHINE_ARN;
      await startExecution(machine, `${id}-${attempt}`, { project, workspace: id, attempt });
      return state.workspace;
    },
  },
  {
    membership: (project, user) => readMembership(TABLE_NAME, project, user),
    hasProject: project => hasProject(TABLE_NAME, project),
    groups: person => readGroups(POOL_ID, person),
    once: outcomeStore(TABLE_NAME),
  },
);
