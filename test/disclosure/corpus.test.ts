import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { checkFile } from '../../disclosure/check.ts';
import { Tier } from '../../disclosure/policy.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { buildCheckedFile, buildSource, summariseFile } from './files.ts';

const Case = z.strictObject({
  title: z.string(),
  source: z.string(),
  csv: z.string(),
  path: z.string().default('table.csv'),
  tier: Tier.default(2),
  /** The rules about disclosure that must stop the table or ask about it, and no others. */
  rules: z.array(z.string()),
  earlier: z.strictObject({ path: z.string(), csv: z.string() }).optional(),
});
const cases = z.array(Case).parse(JSON.parse(readFileSync(join(import.meta.dirname, 'corpus/tables.json'), 'utf8')));

async function stdout({ csv, path, tier, earlier }: z.infer<typeof Case>): Promise<string[]> {
  const policy = policyFor(tier);
  const earlierTables = earlier
    ? await summariseFile(buildCheckedFile(earlier.path, earlier.csv), buildSource(earlier.csv), policy)
    : [];
  const releasedTables = earlierTables.map(summary => ({ ...summary, release: 'r-1' }));
  const { findings } = await checkFile(buildCheckedFile(path, csv), buildSource(csv), policy, releasedTables);
  const rules = findings.filter(({ rule, action }) => action !== 'warn' && /^(sdc|identifiers)\./.test(rule));
  return [...new Set(rules.map(({ rule }) => rule))].sort();
}

describe('a corpus of tables with known answers', () => {
  it('has at least 40 tables, of which at least 15 are safe', () => {
    expect(cases.length).toBeGreaterThanOrEqual(40);
    expect(cases.filter(({ rules }) => rules.length === 0).length).toBeGreaterThanOrEqual(15);
  });

  it.each(cases)('gives exactly the expected findings: $title', async corpusCase => {
    expect(await stdout(corpusCase)).toEqual([...corpusCase.rules].sort());
  });

  it('is judged by the rules with a precision and a recall of at least 0.95', async () => {
    const counts = { right: 0, wrong: 0, missed: 0 };
    for (const corpusCase of cases) {
      const rules = new Set(await stdout(corpusCase));
      for (const rule of rules) counts[corpusCase.rules.includes(rule) ? 'right' : 'wrong']++;
      counts.missed += corpusCase.rules.filter(rule => !rules.has(rule)).length;
    }
    const precision = counts.right / (counts.right + counts.wrong);
    const recall = counts.right / (counts.right + counts.missed);
    process.stdout.write(
      `disclosure rules on ${cases.length} tables: precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}\n`,
    );
    expect(precision).toBeGreaterThanOrEqual(0.95);
    expect(recall).toBeGreaterThanOrEqual(0.95);
  });
});
