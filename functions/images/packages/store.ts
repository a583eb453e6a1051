import { changeRows } from '../../change.ts';
import { outgoingEvent } from '../../contract.ts';
import { outboxRow } from '../../events/outbox.ts';
import { partitions, rowKey } from '../../keys.ts';
import { pageRows, readRow } from '../../table.ts';
import { ProjectTier, projectTierKey } from '../schemas.ts';
import { PackageTierSet } from './events.ts';
import { normaliseName } from './mirror.ts';
import { decidePackage, isCounted, type PackageCommand, type PackageDecision } from './packages.ts';
import { ListedPackage, type PackageFormat, type PackageTier, ProjectPackages, packageTiers } from './schemas.ts';

const LIST_PREFIX = 'PACKAGE#';
const STRICTEST: PackageTier = 3;

export interface PackagePlace {
  readonly tier: PackageTier;
  readonly format: PackageFormat;
  readonly name: string;
}

const packageKey = ({ tier, format, name }: PackagePlace) =>
  rowKey('packages', '', `${LIST_PREFIX}${tier}#${format}#${normaliseName(format, name)}`);
const countKey = (project: string) => rowKey('packages', '', `COUNT#${project}`);

const readPackage = (table: string, place: PackagePlace) => readRow(table, ListedPackage, packageKey(place));

/** Reads a package of a list and how many its project has, decides, and writes the change with its events. */
export function changePackage(
  table: string,
  place: PackagePlace,
  command: PackageCommand,
  limit: number,
  now: string,
): Promise<PackageDecision> {
  const key = packageKey(place);
  return changeRows(
    table,
    `package ${place.name}`,
    async () => {
      const entry = await readPackage(table, place);
      const project = command.do === 'request' ? command.request.project : entry?.project;
      return { entry, total: project && (await readRow(table, ProjectPackages, countKey(project))) };
    },
    ({ entry, total }) => decidePackage(entry, command, { count: total ? total.count : 0, limit }, now),
    ({ state, events }, { entry, total }) => {
      if (!state || state === entry) return [];
      const { project } = state;
      const read = total || undefined;
      const count = Math.max(0, (read?.count ?? 0) + Number(isCounted(state)) - Number(isCounted(entry)));
      return [
        { key, read: entry, item: state },
        ...(count === read?.count ? [] : [{ key: countKey(project), read, item: { project, count } }]),
        outboxRow(key.pk, events, now),
      ];
    },
  );
}

/** What the lists of the tiers say of a package; a tier whose list does not have it is missing. */
export async function readStatuses(
  table: string,
  format: PackageFormat,
  name: string,
): Promise<Map<PackageTier, ListedPackage['status']>> {
  const rows = await Promise.all(packageTiers.map(tier => readPackage(table, { tier, format, name })));
  return new Map(rows.flatMap(row => (row ? [[row.tier, row.status] as const] : [])));
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
  (await readRow(table, ProjectTier, projectTierKey(project))) ?? { project, tier: STRICTEST };

export async function setProjectTier(
  table: string,
  { project, tier }: Pick<ProjectTier, 'project' | 'tier'>,
  person: { readonly id: string; readonly name: string },
  now: string,
): Promise<ProjectTier> {
  const next: ProjectTier = { project, tier, by: person, at: now };
  const key = projectTierKey(project);
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
