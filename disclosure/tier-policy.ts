import type * as z from 'zod';
import type { Format } from './format.ts';
import { FORMATS } from './formats.ts';
import { type Direction, Policy, type RuleName, type Tier } from './policy.ts';

const block = { action: 'block' } as const;
const ask = { action: 'ask' } as const;
const warn = { action: 'warn' } as const;

/**
 * The defaults of a tier, from published guidance:
 * - minimum count 10, degrees of freedom 10, (2, 90 %) and p = 10 %: the defaults of ACRO (`acro/default.yaml`), the tool
 *   of the SACRO project, and the thresholds of the UK Secure Research Service's output guidance and SDAP's "Handbook on
 *   Statistical Disclosure Control for Outputs" (rule of thumb: 10 unweighted units, 10 degrees of freedom);
 * - (1, 50 %) and (2, 67 %) in tier 3: the Australian Bureau of Statistics' DataLab output rules, which also want the rule
 *   of 10 met by the differences between tables;
 * - counts below 10 suppressed and the others rounded to 5 in tier 3: the "10-5 rule" of the Office for National
 *   Statistics ("Comparison of post-tabular statistical disclosure control methods");
 * - 5 in tier 1: the least that agencies' threshold rules ask for (OECD/UNECE "Glossary of Statistical Disclosure Control").
 */
export function policyFor(tier: Tier, direction: Direction = 'export'): Policy {
  return direction === 'import' ? incoming(tier) : outgoing(tier);
}

/**
 * What comes in discloses nothing of the project's people, so statistics are not its matter; what it could do inside is.
 * Archives are a reviewer's to judge, as code comes in them.
 */
function incoming(tier: Tier): Policy {
  const { rules, ...policy } = outgoing(1);
  const disabled = Object.fromEntries(
    Object.keys(rules).flatMap(name =>
      name.startsWith('sdc.') ? [[name, { ...rules[name as RuleName], action: 'off' }]] : [],
    ),
  );
  return Policy.parse({
    ...policy,
    version: `broch-import-tier${tier}-1`,
    tier,
    bytes: 50 * 2 ** 30,
    rows: Number.MAX_SAFE_INTEGER,
    cells: Number.MAX_SAFE_INTEGER,
    rules: {
      ...rules,
      ...disabled,
      'archive.refused': ask,
      'identifiers.found': ask,
      'identifiers.columns': ask,
      'image.metadata': warn,
      'notebook.outputs': warn,
      'notebook.embedded': warn,
      'table.formula': warn,
      'model.weights': warn,
    },
  });
}

function outgoing(tier: Tier): Policy {
  const threshold = tier === 1 ? 5 : 10;
  const strict = tier === 1 ? ask : block;
  const light = tier === 3 ? ask : warn;
  return Policy.parse({
    version: `broch-tier${tier}-1`,
    tier,
    types: Object.values<Format>(FORMATS).flatMap(({ type, tiers }) => (tiers.includes(tier) ? [type] : [])),
    bytes: tier === 1 ? 20 * 2 ** 30 : 256 * 2 ** 20,
    rows: tier === 1 ? 1_000_000 : 20_000,
    cells: tier === 1 ? 10_000_000 : 250_000,
    rules: {
      'type.mismatch': block,
      'type.kind': tier === 1 ? warn : ask,
      'type.refused': block,
      'type.polyglot': block,
      'type.unreadable': block,
      'size.bytes': block,
      'size.rows': block,
      'size.cells': block,
      'archive.refused': block,
      'archive.unsafe': { ...block, ratio: 200, files: 2000, bytes: 512 * 2 ** 20 },
      'office.macros': block,
      'office.embedded': block,
      'office.external': block,
      'office.hidden': block,
      'office.unseen': tier === 3 ? block : ask,
      'office.comments': ask,
      'office.properties': warn,
      'image.metadata': strict,
      'image.trailing': block,
      'image.active': block,
      'notebook.outputs': ask,
      'notebook.embedded': ask,
      'notebook.widgets': block,
      'model.executable': block,
      'model.weights': ask,
      'text.encoded': { ...strict, longest: 512 },
      'text.long-line': { ...light, longest: 5000 },
      'identifiers.found': block,
      'identifiers.columns': strict,
      'table.ragged': light,
      'table.formula': ask,
      'sdc.minimum-count': { ...block, threshold },
      'sdc.zero-cells': light,
      'sdc.full-cells': tier === 1 ? warn : ask,
      'sdc.dominance': {
        ...block,
        pairs:
          tier === 3
            ? [
                { n: 1, k: 50 },
                { n: 2, k: 67 },
              ]
            : [{ n: 2, k: 90 }],
      },
      'sdc.p-percent': { ...block, p: 10 },
      'sdc.rounding': { ...(tier === 3 ? block : warn), base: tier === 3 ? 5 : 1 },
      'sdc.degrees-of-freedom': { ...strict, least: 10 },
      'sdc.quantiles': { ...strict, tail: threshold },
      'sdc.extremes': tier === 1 ? warn : ask,
      'sdc.percentages': block,
      'sdc.percentage-decimals': { ...warn, decimals: 2 },
      'sdc.no-counts': light,
      'sdc.microdata': { ...block, rows: 20 },
      'sdc.complementary': block,
      'sdc.differencing': block,
      'sdc.not-run': ask,
    },
  } satisfies z.input<typeof Policy>);
}
