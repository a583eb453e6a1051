import type { CheckFinding } from '../../../disclosure/report.ts';
import { encodeCellIndex, removeTables } from '../../../disclosure/sdc/cell-index.ts';
import { compareTables } from '../../../disclosure/sdc/compare.ts';
import { differencingLimitsFor } from '../../../disclosure/sdc/differencing-findings.ts';
import type { ObjectRef } from '../../identifiers.ts';
import { readVerified } from '../../storage/immutable-objects.ts';
import { SealManifest } from '../request/manifest.ts';
import { roundPrefix } from '../request/places.ts';
import type { Request, RequestIn } from '../request/request.ts';
import { collectEarlierTables, putPostings, readLedger, readPostings, releasesSince } from './release-ledger.ts';
import { FullReport } from './request-report.ts';

interface Where {
  readonly table: string;
  readonly airlock: string;
  readonly release: string;
}

/** Findings by the path of the file that they are on. */
type Found = Map<string, CheckFinding[]>;

const note = (findingsByPath: Found, path: string, findings: readonly CheckFinding[]) =>
  findingsByPath.set(path, [...(findingsByPath.get(path) ?? []), ...findings]);

/**
 * Compares all tables of a request with each other and with all earlier releases of the project. The result also says
 * how many releases were compared.
 */
export async function compareRequestTables(
  { table, airlock, release }: Where,
  request: Pick<Request, 'project' | 'id' | 'round'> & { seal?: RequestIn<'inReview'>['seal'] | undefined },
  lists: readonly ObjectRef[],
): Promise<{ findings: Found; whole: Pick<FullReport, 'tables' | 'limits' | 'compared'> }> {
  const findings: Found = new Map();
  if (lists.length === 0 || !request.seal) return { findings, whole: { tables: [], compared: 0 } };
  const limits = differencingLimitsFor(SealManifest.parse(await readVerified(airlock, request.seal)).policy);
  const { releases } = await readLedger(table, request.project);
  if (!limits) return { findings, whole: { tables: [], compared: 0 } };
  const earlierReleases = await releasesSince({ table, bucket: release }, request.project, [1, releases], request.id);
  const tables: ObjectRef[] = [];
  const opens = lists.map(list => () => readPostings(airlock, list));
  await collectEarlierTables(opens, async (ownTables, number) => {
    const previousTables = tables.map(list => ({ open: () => readPostings(airlock, list) }));
    for (const [index, tableFindings] of await compareTables(
      ownTables,
      [...previousTables, ...earlierReleases],
      limits,
    ))
      note(findings, ownTables.tables[index]?.path ?? '', tableFindings);
    tables.push(await putPostings(airlock, `${roundPrefix(request)}tables/all-${number}`, encodeCellIndex(ownTables)));
  });
  return { findings, whole: { tables, limits, compared: releases } };
}

/**
 * Compares a request with releases made since its checks. Returns a difference that reviewers have not seen, if any, and
 * how many releases were compared.
 */
export async function compareAtRelease(
  { table, airlock, release }: Where,
  request: RequestIn<'releasing'>,
): Promise<{ releases: number; difference?: string }> {
  const { tables, limits, compared } = FullReport.parse(await readVerified(airlock, request.report));
  if (!limits || tables.length === 0) return { releases: 0 };
  const { releases } = await readLedger(table, request.project);
  const laterReleases = await releasesSince(
    { table, bucket: release },
    request.project,
    [compared + 1, releases],
    request.id,
  );
  if (laterReleases.length === 0) return { releases };
  for (const list of tables) {
    const ownTables = removeTables(
      await readPostings(airlock, list),
      ({ path }) => request.withheld.includes(path),
      'probes',
    );
    for (const [index, findings] of await compareTables(ownTables, laterReleases, limits, { isInternal: false })) {
      const grave = findings.find(({ action }) => action !== 'warn');
      if (grave)
        return {
          releases,
          difference: `“${ownTables.tables[index]?.path}”: ${grave.message}`,
        };
    }
  }
  return { releases };
}

/** Stores the released tables for later comparisons and returns the lists. */
export async function recordReleasedTables(
  { airlock, release }: Omit<Where, 'table'>,
  request: RequestIn<'releasing'>,
  tables: readonly ObjectRef[],
): Promise<ObjectRef[]> {
  const opens = tables.map(
    list => async () => removeTables(await readPostings(airlock, list), ({ path }) => request.withheld.includes(path)),
  );
  return collectEarlierTables(opens, (list, number) =>
    putPostings(release, `remembered/${request.project}/${request.id}/${number}`, encodeCellIndex(list)),
  );
}
