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
  cellIndex: CellIndex,
  sources: readonly ComparisonSource[],
  limits: DifferencingLimits,
  { isInternal = true }: { isInternal?: boolean } = {},
): Promise<Map<number, CheckFinding[]>> {
  const { threshold } = limits;
  const findings = new Map<number, CheckFinding[]>();
  const add = (table: number, finding: CheckFinding) => findings.set(table, [...(findings.get(table) ?? []), finding]);
  const sizes = new Map<number, number>();
  const sized = (pairs: CandidatePairs): CandidatePairs => {
    for (const [table, { size }] of pairs) sizes.set(table, (sizes.get(table) ?? 0) + size);
    return pairs;
  };
  const internalPairs = isInternal ? sized(findCandidatePairs(cellIndex, cellIndex, threshold, true)) : new Map();
  const matches: { source: ComparisonSource; pairs: CandidatePairs }[] = [];
  for (const source of sources) {
    const pairs = sized(findCandidatePairs(cellIndex, await source.open(), threshold, false));
    if (pairs.size > 0) matches.push({ source, pairs });
  }
  const pairCount = (table: number) => sizes.get(table) ?? 1;
  const judge = (otherIndex: CellIndex, pairs: CandidatePairs, release: string | undefined) => {
    for (const difference of findTableDifferences(cellIndex, otherIndex, threshold, pairs, pairCount)) {
      const [table, otherTable] = [cellIndex.tables[difference.table], otherIndex.tables[difference.otherTable]];
      if (table && otherTable)
        add(difference.table, createDifferencingFinding(difference, table, otherTable, release, limits));
    }
  };
  for (const [index, table] of cellIndex.tables.entries()) {
    if (pairCount(index) > MAX_CANDIDATE_TABLES) add(index, createTooManyTablesFinding(table, limits));
    if (table.cut) add(index, createTableTooLargeFinding(table, limits));
  }
  judge(cellIndex, internalPairs, undefined);
  for (const { source, pairs } of matches) judge(await source.open(), pairs, source.release);
  return findings;
}
