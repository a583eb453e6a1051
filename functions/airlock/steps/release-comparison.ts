import type { CheckFinding } from '../../../disclosure/report.ts';
import { encode, without } from '../../../disclosure/sdc/cell-index.ts';
import { compare } from '../../../disclosure/sdc/compare.ts';
import { limitsOf } from '../../../disclosure/sdc/differencing-findings.ts';
import { type Kept, reopen } from '../../storage/immutable-objects.ts';
import { SealManifest } from '../request/manifest.ts';
import type { In, Request } from '../request/request.ts';
import { gathered, keepList, leftBetween, openList, readLedger } from './release-ledger.ts';
import { WholeReport } from './request-report.ts';
import { roundPrefix } from './select-files.ts';

interface Where {
  readonly table: string;
  readonly airlock: string;
  readonly release: string;
}

/** Findings by the path of the file that they are on. */
type Found = Map<string, CheckFinding[]>;

const note = (found: Found, path: string, findings: readonly CheckFinding[]) =>
  found.set(path, [...(found.get(path) ?? []), ...findings]);

/**
 * Compares all tables of a request with each other and with all that left the project before, from what each chunk of
 * the checks left of its tables. What it gives for the report says up to which release that was.
 */
export async function compareAll(
  { table, airlock, release }: Where,
  of: Pick<Request, 'project' | 'id' | 'round'> & { seal?: In<'inReview'>['seal'] | undefined },
  lists: readonly Kept[],
): Promise<{ findings: Found; whole: Pick<WholeReport, 'tables' | 'limits' | 'compared'> }> {
  const findings: Found = new Map();
  if (lists.length === 0 || !of.seal) return { findings, whole: { tables: [], compared: 0 } };
  const limits = limitsOf(SealManifest.parse(await reopen(airlock, of.seal)).policy);
  const { releases } = await readLedger(table, of.project);
  if (!limits) return { findings, whole: { tables: [], compared: 0 } };
  const left = await leftBetween({ table, bucket: release }, of.project, [1, releases], of.id);
  const tables: Kept[] = [];
  const opens = lists.map(list => () => openList(airlock, list));
  await gathered(opens, async (ours, number) => {
    const before = tables.map(list => ({ open: () => openList(airlock, list) }));
    for (const [at, found] of await compare(ours, [...before, ...left], limits))
      note(findings, ours.tables[at]?.path ?? '', found);
    tables.push(await keepList(airlock, `${roundPrefix(of)}tables/all-${number}`, encode(ours)));
  });
  return { findings, whole: { tables, limits, compared: releases } };
}

/**
 * What leaves compared with what others released since it was checked: the first that nobody has seen, in words; or how
 * many releases it may follow.
 */
export async function compareAgain(
  { table, airlock, release }: Where,
  of: In<'releasing'>,
): Promise<{ releases: number; reason?: string }> {
  const { tables, limits, compared } = WholeReport.parse(await reopen(airlock, of.report));
  if (!limits || tables.length === 0) return { releases: 0 };
  const { releases } = await readLedger(table, of.project);
  const left = await leftBetween({ table, bucket: release }, of.project, [compared + 1, releases], of.id);
  if (left.length === 0) return { releases };
  for (const list of tables) {
    const ours = without(await openList(airlock, list), ({ path }) => of.withheld.includes(path), 'probes');
    for (const [at, findings] of await compare(ours, left, limits, { among: false })) {
      const grave = findings.find(({ action }) => action !== 'warn');
      if (grave)
        return {
          releases,
          reason: `Since it was checked, something was released that it must not follow unseen. “${ours.tables[at]?.path}”: ${grave.says} Withdraw this request and submit again, so that checks and reviewers see both.`,
        };
    }
  }
  return { releases };
}

/** Puts what leaves where later tables are compared with it, a list at a time, and gives the lists. */
export async function keepTables(
  { airlock, release }: Omit<Where, 'table'>,
  of: In<'releasing'>,
  tables: readonly Kept[],
): Promise<Kept[]> {
  const opens = tables.map(
    list => async () => without(await openList(airlock, list), ({ path }) => of.withheld.includes(path)),
  );
  return gathered(opens, (list, number) =>
    keepList(release, `remembered/${of.project}/${of.id}/${number}`, encode(list)),
  );
}
