import * as z from 'zod';
import { findGatewayDoor, findPlace } from '../awake/doorway.ts';
import { awakeLimits, findHourlyMicros, HourlyPrices } from '../awake/prices.ts';
import { wakeProject } from '../awake/room.ts';
import { readDataTier, TierFamilies } from '../data-tier.ts';
import { stepHandler } from '../handler.ts';
import { ProjectTier, projectTierKey } from '../images/schemas.ts';
import { rowKey } from '../keys.ts';
import { Project } from '../projects/schemas.ts';
import { readRow } from '../table.ts';
import { leaseEnvironment } from './leases.ts';
import { WorkspaceKind, WorkspaceSize } from './schemas.ts';
import { LaunchAttempt, readWorkspace } from './store.ts';
import { permitTypes, tierEnvironment } from './tiers.ts';
import { requireLaunchable, requireProjectNetwork } from './workspaces.ts';

export const env = z.object({
  ...leaseEnvironment,
  ENVIRONMENT: z.string(),
  AWAKE_TEMPLATE: z.string(),
  PER_PROJECT: z.coerce.number(),
  /** The prices of instance types in dollars an hour, and the most that a project may cost in an hour, as JSON. */
  PRICES: z.string(),
  ...tierEnvironment,
  /** Whether the region has a mirror of packages. */
  HAS_MIRROR: z.stringbool(),
});
const values = env.parse(process.env);
const sizes = z.record(WorkspaceKind, z.record(WorkspaceSize, z.array(z.string()))).parse(JSON.parse(values.SIZES));
const families = TierFamilies.parse(JSON.parse(values.FAMILIES));
const prices = HourlyPrices.parse(JSON.parse(values.PRICES));
const room = {
  table: values.TABLE_NAME,
  environment: values.ENVIRONMENT,
  prefix: values.AWAKE_STACKS,
  templateUrl: values.AWAKE_TEMPLATE,
  serviceRole: values.AWAKE_ROLE,
};

/** Wakes the project before something starts in it, and joins it with the gateway. Called again until it is awake. */
export const handler = stepHandler(LaunchAttempt, async ({ project, workspace: id, attempt }) => {
  const { kind, size } = requireLaunchable(await readWorkspace(values.TABLE_NAME, project, id), attempt);
  const row = await readRow(values.TABLE_NAME, Project, rowKey('project', project));
  const network = requireProjectNetwork(row);
  const gateway = await findGatewayDoor(values.ENVIRONMENT);
  const installs =
    values.HAS_MIRROR && (await readRow(values.TABLE_NAME, ProjectTier, projectTierKey(project))) !== undefined;
  const tier = await readDataTier(values.TABLE_NAME, project, values.TIER);
  const types = permitTypes(sizes[kind][size], tier, families, { kind, size });
  const holder = {
    id,
    use: 'workspace',
    hourlyMicros: findHourlyMicros(types, prices) ?? 0,
    installs,
  } as const;
  const cidr = row?.status === 'ready' ? row.cidr : '';
  const place = await findPlace({ project, cidr, network }, gateway);
  return { outcome: await wakeProject(room, place, holder, awakeLimits(values.PER_PROJECT, prices)) };
});
