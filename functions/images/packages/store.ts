import { changeRows } from '../../change.ts';
import { outgoingEvent } from '../../contract.ts';
import { outboxRow } from '../../events/outbox.ts';
import { partitions, rowKey } from '../../keys.ts';
import { pageRows, readRow } from '../../table.ts';
import { PackageTierSet } from './events.ts';
import { normaliseName } from './mirror.ts';
import type { PackageDecision } from './packages.ts';
import { ListedPackage, type PackageFormat, type PackageTier, ProjectTier, packageTiers } from './schemas.ts';

const LIST_PREFIX = 'PACKAGE#';
const STRICTEST: PackageTier = 3;

export interface PackagePlace {
  readonly tier: PackageTier;
  readonly format: PackageFormat;
  readonly name: string;
}

const packageKey = ({ tier, format, name }: PackagePlace) =>
  rowKey('packages', '', `${LIST_PREFIX}${tier}#${format}#${normaliseName(format, name)}`);
const tierKey = (project: string) => rowKey('packages', '', `TIER#${project}`);

const readPackage = (table: string, place: PackagePlace) => readRow(table, ListedPackage, packageKey(place));

/** Reads a package of a list, decides, and writes the change with its events. */
export function changePackage(
  table: string,
  place: PackagePlace,
  decide: (state: ListedPackage | undefined) => PackageDecision,
  now: string,
): Promise<PackageDecision> {
  const key = packageKey(place);
  return changeRows(
    table,
    `package ${place.name}`,
    async () => ({ entry: await readPackage(table, place) }),
    ({ entry }) => decide(entry),
    ({ state, events }, { entry }) => [
      ...(state && state !== entry ? [{ key, read: entry, item: state }] : []),
      ...(events.length > 0 ? [outboxRow(key.pk, events, now)] : []),
    ],
  );
}

/** The tiers whose lists have the package approved. */
export async function readApprovedTiers(table: string, format: PackageFormat, name: string): Promise<PackageTier[]> {
  const rows = await Promise.all(packageTiers.map(tier => readPackage(table, { tier, format, name })));
  return packageTiers.filter((_, index) => rows[index]?.status === 'approved');
}

/** The lists of all tiers or of one. */
export const pagePackages = (
  table: string,
  tier: PackageTier | undefined,
  paging: { readonly limit?: number; readonly next?: string | undefined },
) =>
  pageRows(table, ListedPackage, partitions.packages, {
    ...paging,
    prefix: tier === undefined ? LIST_PREFIX : `${LIST_PREFIX}${tier}#`,
    ascending: true,
  });

/** The tier of a project's packages; the strictest until somebody sets one. */
export const readProjectTier = async (table: string, project: string): Promise<ProjectTier> =>
  (await readRow(table, ProjectTier, tierKey(project))) ?? { project, tier: STRICTEST };

export async function setProjectTier(
  table: string,
  { project, tier }: Pick<ProjectTier, 'project' | 'tier'>,
  person: { readonly id: string; readonly name: string },
  now: string,
): Promise<ProjectTier> {
  const next: ProjectTier = { project, tier, by: person, at: now };
  const key = tierKey(project);
  const events = [outgoingEvent(PackageTierSet, { project, tier, at: now, by: person.name })];
  await changeRows(
    table,
    `tier of ${project}`,
    async () => ({ row: await readRow(table, ProjectTier, key) }),
    () => ({ state: next, events, reason: 'somebody set the tier of its packages' }),
    (_, { row }) => [{ key, read: row, item: next }, outboxRow(key.pk, events, now)],
  );
  return next;
}
