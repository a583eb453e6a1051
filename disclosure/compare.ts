import type { Policy } from './policy.ts';
import type { CheckFinding } from './report.ts';
import { buildCellIndex, type ReleasedTables, type TableSummary } from './sdc/cell-index.ts';
import { compareTables } from './sdc/compare.ts';
import { differencingLimitsFor } from './sdc/differencing-findings.ts';

/**
 * Finds counts that differ by less than the threshold between tables, and so disclose a few people by subtraction.
 * Compares `tables` with each other and with those of earlier releases; both come from `check`, made with the same key.
 * The answer has findings by the path of the file whose table they are on; it is empty where the policy has the rule off.
 */
export async function compare(
  tables: readonly TableSummary[],
  earlier: ReleasedTables,
  policy: Policy,
): Promise<Map<string, CheckFinding[]>> {
  const findings = new Map<string, CheckFinding[]>();
  const limits = differencingLimitsFor(policy);
  if (!limits || tables.length === 0) return findings;
  const postings = buildCellIndex(tables);
  const releases = Map.groupBy(earlier, ({ release }) => release);
  const earlierReleases = [...releases].map(([release, list]) => ({ release, open: async () => buildCellIndex(list) }));
  for (const [index, differences] of await compareTables(postings, earlierReleases, limits)) {
    const path = postings.tables[index]?.path ?? '';
    findings.set(path, [...(findings.get(path) ?? []), ...differences]);
  }
  return findings;
}
