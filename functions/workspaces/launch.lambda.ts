import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { readDataTier, TierFamilies } from '../data-tier.ts';
import { stepHandler } from '../handler.ts';
import { Image, imageKey, selectVersion } from '../images/schemas.ts';
import { rowKey } from '../keys.ts';
import { readRoles } from '../membership.ts';
import { Project } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import { readRow } from '../table.ts';
import { launchInstance } from './instances.ts';
import { workspaceProviders } from './kinds.ts';
import { explainEndedMembership } from './reasons.ts';
import { WorkspaceKind, WorkspaceSize } from './schemas.ts';
import { changeWorkspace, claimInstance, LaunchAttempt, readWorkspace } from './store.ts';
import { permitTypes, tierEnvironment } from './tiers.ts';
import { decideWorkspace, requireLaunchable, requireProjectNetwork } from './workspaces.ts';

const Types = z.array(z.string()).min(1);

export const env = z.object({
  TABLE_NAME: z.string(),
  ENVIRONMENT: z.string(),
  ...tierEnvironment,
  /** The kinds whose machines can hibernate, as JSON. */
  HIBERNATES: z.string(),
});
const { TABLE_NAME, ENVIRONMENT, SIZES, FAMILIES, TIER, HIBERNATES } = env.parse(process.env);
const sizes = z.record(WorkspaceKind, z.record(WorkspaceSize, Types)).parse(JSON.parse(SIZES));
const hibernates = z.array(WorkspaceKind).parse(JSON.parse(HIBERNATES));
const families = TierFamilies.parse(JSON.parse(FAMILIES));

export const handler = stepHandler(LaunchAttempt, async ({ project, workspace: id, attempt }) => {
  const workspace = requireLaunchable(await readWorkspace(TABLE_NAME, project, id), attempt);
  if ((await readRoles(TABLE_NAME, project, workspace.owner)).length === 0)
    throw new Refused('forbidden', explainEndedMembership(workspace.ownerName, project));
  const { image: name } = workspaceProviders[workspace.kind];
  const { build } = selectVersion(name, await readRow(TABLE_NAME, Image, imageKey(name)), project, currentTime());
  const tier = await readDataTier(TABLE_NAME, project, TIER);
  const instance = await launchInstance({
    workspace,
    network: requireProjectNetwork(await readRow(TABLE_NAME, Project, rowKey('project', project))),
    environment: ENVIRONMENT,
    image: build.ami,
    types: permitTypes(sizes[workspace.kind][workspace.size], tier, families, workspace),
    restricted: Object.hasOwn(families, tier),
    hibernates: hibernates.includes(workspace.kind),
  });
  await claimInstance(TABLE_NAME, instance.instanceId, { project, workspace: id });
  const now = currentTime();
  const command = { do: 'recordLaunch', attempt, instance } as const;
  await changeWorkspace(TABLE_NAME, project, id, state => decideWorkspace(state, command, now), now);
  return instance;
});
