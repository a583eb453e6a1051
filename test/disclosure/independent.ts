import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { checkFile } from '../../disclosure/check.ts';
import { Tier } from '../../disclosure/policy.ts';
import { Action, type CheckFinding, worstAction } from '../../disclosure/report.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { makeXlsx } from './builders.ts';
import { buildCheckedFile, buildSource, summariseFile } from './files.ts';

const Verdict = z.enum([...Action.options, 'none']);
type GuidanceVerdict = z.infer<typeof Verdict>;

/** A table that somebody judged by published guidance without having seen the rules. */
const Judged = z
  .strictObject({
    title: z.string(),
    source: z.string(),
    tier: Tier,
    path: z.string().default('table.csv'),
    /** The lines of the file, or the rows of a workbook. */
    table: z.array(z.string()).optional(),
    rows: z.array(z.array(z.union([z.string(), z.number()]))).optional(),
    earlier: z.strictObject({ path: z.string(), table: z.array(z.string()) }).optional(),
    /** The worst actions that agree with the guidance: several where it leaves the judgement to a reviewer. */
    verdict: z.array(Verdict).min(1),
    /** What must be found to stop the table or ask about it, and in which cells (row, column). */
    rules: z.array(z.strictObject({ rule: z.string(), cells: z.array(z.tuple([z.int(), z.int()])) })),
    /** What may be found as well. */
    also: z.array(z.string()).default([]),
    note: z.string().optional(),
    /** Why an expectation is not the one that was first written. */
    corrected: z.string().optional(),
    /** Why the rules still judge otherwise. Counted in the figures all the same. */
    known: z.string().optional(),
  })
  .refine(({ table, rows }) => (table === undefined) !== (rows === undefined));
export type GuidanceCase = z.infer<typeof Judged>;

const folder = join(import.meta.dirname, 'corpus/independent');
export const guidanceCases: GuidanceCase[] = readdirSync(folder)
  .sort()
  .flatMap(file => z.array(Judged).parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))));

const text = (lines: readonly string[]) => `${lines.join('\n')}\n`;

async function findCaseFindings({ table, rows, path, tier, earlier }: GuidanceCase): Promise<CheckFinding[]> {
  const policy = policyFor(tier);
  const content = rows ? makeXlsx(rows) : text(table ?? []);
  const earlierText = text(earlier?.table ?? []);
  const earlierTables = earlier
    ? await summariseFile(buildCheckedFile(earlier.path, earlierText), buildSource(earlierText), policy)
    : [];
  const releasedTables = earlierTables.map(summary => ({ ...summary, release: 'r-1' }));
  return (await checkFile(buildCheckedFile(path, content), buildSource(content), policy, releasedTables)).findings;
}

const needs = (verdict: GuidanceVerdict) => verdict === 'ask' || verdict === 'block';

export interface GuidanceOutcome {
  guidanceCase: GuidanceCase;
  worst: GuidanceVerdict;
  /** Whether a person must look: what the guidance says (undefined if either will do) and what the rules say. */
  expected: boolean | undefined;
  found: boolean;
  right: string[];
  wrong: string[];
  misses: string[];
  /** Expected cells, `rule row:column`, that no finding of their rule names. */
  cells: { expected: number; missed: string[] };
}

export async function judgeCase(guidanceCase: GuidanceCase): Promise<GuidanceOutcome> {
  const findings = await findCaseFindings(guidanceCase);
  const grave = findings.filter(({ rule, action }) => action !== 'warn' && /^(sdc|identifiers)\./.test(rule));
  const rules = new Set(grave.map(({ rule }) => rule));
  const expectedRules = new Set(guidanceCase.rules.map(({ rule }) => rule));
  const flaggedCells = new Set(
    grave.flatMap(({ rule, cells }) => cells.map(({ row, column }) => `${rule} ${row}:${column}`)),
  );
  const cells = guidanceCase.rules.flatMap(({ rule, cells }) =>
    cells.map(([row, column]) => `${rule} ${row}:${column}`),
  );
  const actionsNeeded = new Set(guidanceCase.verdict.map(needs));
  const verdict = worstAction(findings) ?? 'none';
  return {
    guidanceCase,
    worst: verdict,
    expected: actionsNeeded.size === 1 ? actionsNeeded.has(true) : undefined,
    found: needs(verdict),
    right: [...rules].filter(rule => expectedRules.has(rule)),
    wrong: [...rules].filter(rule => !expectedRules.has(rule) && !guidanceCase.also.includes(rule)),
    misses: [...expectedRules].filter(rule => !rules.has(rule)),
    cells: { expected: cells.length, missed: cells.filter(cell => !flaggedCells.has(cell)) },
  };
}

/** Where the rules differ from the guidance; empty if they agree with it. */
export const listDisagreements = ({ guidanceCase, worst, wrong, misses, cells }: GuidanceOutcome): string[] => [
  ...(guidanceCase.verdict.includes(worst) ? [] : [`verdict ${worst}, not ${guidanceCase.verdict.join(' or ')}`]),
  ...wrong.map(rule => `${rule} found`),
  ...misses.map(rule => `${rule} missed`),
  ...cells.missed.filter(cell => !misses.some(rule => cell.startsWith(`${rule} `))).map(cell => `cell ${cell} missed`),
];

export const computeShare = (part: number, rest: number): number => (part + rest === 0 ? 1 : part / (part + rest));
