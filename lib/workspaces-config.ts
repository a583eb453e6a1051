import * as z from 'zod';
import { workspaceProviders } from '../functions/workspaces/kinds.ts';
import { WorkspaceKind } from '../functions/workspaces/schemas.ts';

export const InstanceType = z.string().regex(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, 'an instance type such as t3.large');
/** The first type is used unless AWS has no capacity for it. */
const InstanceTypes = z.array(InstanceType).min(1, 'at least one type').max(4);
const Families = z.array(z.string().regex(/^[a-z][a-z0-9-]*$/, 'a family such as m6i')).min(1, 'at least one family');
/** Instance families by tier. A tier that is left out may use all. */
export const FamiliesOfTiers = z
  .strictObject({ 1: Families.optional(), 2: Families.optional(), 3: Families.optional() })
  .default({});
const WorkspaceSizes = z.strictObject({ small: InstanceTypes, medium: InstanceTypes, large: InstanceTypes });

/** Only families that the image of a kind runs on. */
function refuseForeignFamilies(sizes: Record<string, Record<string, string[]>>, context: z.RefinementCtx): void {
  for (const [kind, { families }] of Object.entries(workspaceProviders))
    for (const [size, types] of Object.entries(sizes[kind] ?? {}))
      for (const type of types.filter(name => InstanceType.safeParse(name).success && !families.test(name)))
        context.addIssue({
          code: 'custom',
          path: [kind, size],
          message: `${type} is not of a family that ${kind} workspaces run on`,
        });
}

/** Kinds whose image AWS can hibernate. */
function refuseWakefulKinds(kinds: readonly z.infer<typeof WorkspaceKind>[], context: z.RefinementCtx): void {
  for (const kind of kinds.filter(name => !workspaceProviders[name].hibernates))
    context.addIssue({ code: 'custom', message: `AWS cannot hibernate the image of ${kind} workspaces` });
}

interface PricedSizes {
  readonly sizes: Record<string, Record<string, string[]>>;
  readonly hourlyPrices: Record<string, number>;
  readonly hourlyBudget?: number | undefined;
}

/** A machine without a price would count as free, and the budget would let it start. */
function refuseMissingPrices({ sizes, hourlyPrices, hourlyBudget }: PricedSizes, context: z.RefinementCtx): void {
  if (hourlyBudget === undefined) return;
  const types = new Set(Object.values(sizes).flatMap(machines => Object.values(machines).flat()));
  const missing = [...types].filter(type => hourlyPrices[type] === undefined);
  if (missing.length > 0)
    context.addIssue({
      code: 'custom',
      path: ['hourlyBudget'],
      message: `needs a price for every type in workspaces.sizes. Add to workspaces.hourlyPrices: ${missing.join(', ')}`,
    });
}

/** Workspaces: the way in, what may run at once, what it costs, and the machines of each kind. */
export const WorkspacesConfig = z
  .strictObject({
    gateway: z
      .url({ protocol: /^https$/, error: 'an address that begins with https://' })
      .describe(
        'The address of the page that opens links at your own Guacamole gateway. With `gateway` it is not used',
      ),
    linkSeconds: z
      .number()
      .int()
      .min(5)
      .max(60)
      .default(60)
      .describe('Seconds for which a link into a desktop is valid, at most 60'),
    readyMinutes: z
      .number()
      .int()
      .min(1)
      .max(60)
      .default(20)
      .describe('Minutes after which a desktop that has not reported is removed'),
    perProject: z
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('The most workspaces that may run in a project at the same time'),
    hourlyPrices: z.record(InstanceType, z.number().positive().max(1000)).default({}).meta({
      description:
        'What instance types cost in an hour, in dollars. Estimates show them, and `workspaces.hourlyBudget` needs one for every type',
      omitted: 'no prices: estimates name only the machines',
    }),
    hourlyBudget: z.number().positive().max(100_000).optional().meta({
      description:
        'The most that the machines of a project may cost in an hour, in dollars. A workspace that would exceed it is not started',
      omitted: 'no limit',
    }),
    idleMinutes: z
      .number()
      .int()
      .min(30)
      .max(10_080)
      .default(120)
      .describe('Minutes without use after which a machine is stopped. Its disks stay'),
    hibernate: z.array(WorkspaceKind).default([]).superRefine(refuseWakefulKinds).meta({
      description:
        'The kinds whose machines hibernate when nobody uses them, and with `--hibernate` of `broch workspace stop`. Only `windows` can, with `images.windowsServer` 2022 and at most 16 GB of memory, see [workspaces](workspaces.md#hibernation)',
      omitted: 'machines are stopped',
    }),
    backupDays: z
      .number()
      .int()
      .min(0)
      .max(3650)
      .default(14)
      .describe(
        'Days for which AWS Backup keeps its nightly snapshots of the homes of workspaces; with 0 it takes none. AWS charges for the changes from night to night',
      ),
    families: FamiliesOfTiers.meta({
      description:
        'For each tier (1 to 3, see `airlock.tier`), the instance families that its workspaces may use, such as `m6i`. Broch refuses a workspace if its size has no type of these families',
      omitted: 'every tier may use all types in `workspaces.sizes`',
    }),
    sizes: z
      .strictObject({
        desktop: WorkspaceSizes,
        notebook: WorkspaceSizes,
        gpu: WorkspaceSizes,
        windows: WorkspaceSizes,
      })
      .superRefine(refuseForeignFamilies)
      .describe(
        'For each kind of workspace (desktop, notebook, gpu, windows) the EC2 instance types of small, medium and large ones, in the order in which they are tried',
      ),
  })
  .superRefine(refuseMissingPrices);

/** The prices of machines and the budget of a project, for the functions that start things in it. */
export const projectPrices = ({ hourlyPrices, hourlyBudget }: Omit<PricedSizes, 'sizes'>): string =>
  JSON.stringify({ hourly: hourlyPrices, budget: hourlyBudget });
