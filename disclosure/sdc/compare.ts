import type { CheckFinding } from '../report.ts';
import type { CellIndex } from './cell-index.ts';
import { type CandidatePairs, findCandidatePairs, findTableDifferences, MAX_CANDIDATE_TABLES } from './differencing.ts';
import {
  createDifferencingFinding,
  createTableTooLargeFinding,
  createTooManyTablesFinding,
  type DifferencingLimits,
} from './differencing-findings.ts';

/** A list of tables to compare with: another part of the request, or of what left before. */
export interface ComparisonSource {
  readonly release?: string;
  /** Read when it is needed and not held: there may be any number of lists. */
  open(): Promise<CellIndex>;
}

/**
 * Compares tables with others, a list at a time, so that memory is that of one list whatever a project has released.
 * First all pairs are found that have something near, as how many there are tells what is chance; only these are looked at.
 */
export async function compareTables(
  ours: CellIndex,
  others: readonly ComparisonSource[],
  limits: DifferencingLimits,
  { among = true }: { among?: boolean } = {},
): Promise<Map<number, CheckFinding[]>> {
  const { threshold } = limits;
  const findings = new Map<number, CheckFinding[]>();
  const add = (table: number, finding: CheckFinding) => findings.set(table, [...(findings.get(table) ?? []), finding]);
  const sizes = new Map<number, number>();
  const sized = (pairs: CandidatePairs): CandidatePairs => {
    for (const [table, { size }] of pairs) sizes.set(table, (sizes.get(table) ?? 0) + size);
    return pairs;
  };
  const own = among ? sized(findCandidatePairs(ours, ours, threshold, true)) : new Map();
  const found: { of: ComparisonSource; pairs: CandidatePairs }[] = [];
  for (const of of others) {
    const pairs = sized(findCandidatePairs(ours, await of.open(), threshold, false));
    if (pairs.size > 0) found.push({ of, pairs });
  }
  const near = (table: number) => sizes.get(table) ?? 1;
  const judge = (theirs: CellIndex, pairs: CandidatePairs, release: string | undefined) => {
    for (const difference of findTableDifferences(ours, theirs, threshold, pairs, near)) {
      const [table, other] = [ours.tables[difference.table], theirs.tables[difference.other]];
      if (table && other) add(difference.table, createDifferencingFinding(difference, table, other, release, limits));
    }
  };
  for (const [at, table] of ours.tables.entries()) {
    if (near(at) > MAX_CANDIDATE_TABLES) add(at, createTooManyTablesFinding(table, limits));
    if (table.cut) add(at, createTableTooLargeFinding(table, limits));
  }
  judge(ours, own, undefined);
  for (const { of, pairs } of found) judge(await of.open(), pairs, of.release);
  return findings;
}
