import type { CheckFinding } from '../report.ts';
import type { Postings } from './cell-index.ts';
import { differences, mostSuspects, type Suspects, suspects } from './differencing.ts';
import { type DifferencingLimits, tell, tellCut, tellTooMany } from './differencing-findings.ts';

/** A list of tables to compare with: another part of the request, or of what left before. */
export interface Others {
  readonly release?: string;
  /** Read when it is needed and not held: there may be any number of lists. */
  open(): Promise<Postings>;
}

/**
 * Compares tables with others, a list at a time, so that memory is that of one list whatever a project has released.
 * First all pairs are found that have something near, as how many there are tells what is chance; only these are looked at.
 */
export async function compareTables(
  ours: Postings,
  others: readonly Others[],
  limits: DifferencingLimits,
  { among = true }: { among?: boolean } = {},
): Promise<Map<number, CheckFinding[]>> {
  const { threshold } = limits;
  const findings = new Map<number, CheckFinding[]>();
  const add = (table: number, finding: CheckFinding) => findings.set(table, [...(findings.get(table) ?? []), finding]);
  const sizes = new Map<number, number>();
  const sized = (pairs: Suspects): Suspects => {
    for (const [table, { size }] of pairs) sizes.set(table, (sizes.get(table) ?? 0) + size);
    return pairs;
  };
  const own = among ? sized(suspects(ours, ours, threshold, true)) : new Map();
  const found: { of: Others; pairs: Suspects }[] = [];
  for (const of of others) {
    const pairs = sized(suspects(ours, await of.open(), threshold, false));
    if (pairs.size > 0) found.push({ of, pairs });
  }
  const near = (table: number) => sizes.get(table) ?? 1;
  const judge = (theirs: Postings, pairs: Suspects, release: string | undefined) => {
    for (const difference of differences(ours, theirs, threshold, pairs, near)) {
      const [table, other] = [ours.tables[difference.table], theirs.tables[difference.other]];
      if (table && other) add(difference.table, tell(difference, table, other, release, limits));
    }
  };
  for (const [at, table] of ours.tables.entries()) {
    if (near(at) > mostSuspects) add(at, tellTooMany(table, limits));
    if (table.cut) add(at, tellCut(table, limits));
  }
  judge(ours, own, undefined);
  for (const { of, pairs } of found) judge(await of.open(), pairs, of.release);
  return findings;
}
