import * as z from 'zod';
import { Action } from './report.ts';

/** Whether files leave a project (export) or come into it (import). */
export const Direction = z.enum(['export', 'import']);
export type Direction = z.infer<typeof Direction>;

/**
 * How sensitive a project's data are: 1 is published or synthetic, 2 is de-identified and sensitive, 3 is the most
 * sensitive (small populations, special categories). Higher tiers check more strictly.
 */
export const Tier = z.union([z.literal(1), z.literal(2), z.literal(3)]);
export type Tier = z.infer<typeof Tier>;

/** What a finding of a rule does; `off` keeps the rule from running. */
const RuleAction = z.enum([...Action.options, 'off']);

const rule = <Parameters extends z.ZodRawShape = Record<never, never>>(parameters?: Parameters) =>
  z.strictObject({ action: RuleAction, ...(parameters ?? ({} as Parameters)) });
const count = z.number().int().min(1).max(1000);
const percent = z.number().min(0).max(100);

/** Every rule by the name that its findings bear. */
export const PolicyRules = z.strictObject({
  /** The type that the bytes show is not the one that its name says. */
  'type.mismatch': rule(),
  /** The kind that the file's group is declared as is not what the bytes are. */
  'type.kind': rule(),
  /** The type may not leave a project of this tier, or is not known at all. */
  'type.refused': rule(),
  /** The bytes are also a file of another type: an archive behind a picture, a script before a document. */
  'type.polyglot': rule(),
  /** The file is damaged, cut short, or too deep or large to read, so nobody can say what it holds. */
  'type.unreadable': rule(),
  'size.bytes': rule(),
  'size.rows': rule(),
  'size.cells': rule(),
  /** Archives hide what they hold from reviewers. The limits hold for office files as well. */
  'archive.refused': rule(),
  'archive.unsafe': rule({
    ratio: z.number().min(1).max(10_000),
    files: z.number().int().min(1).max(100_000),
    bytes: z.number().int().min(1),
  }),
  'office.macros': rule(),
  'office.embedded': rule(),
  'office.external': rule(),
  'office.hidden': rule(),
  /** What no page shows and no check reads: parts, elements and words that office programs do not write by themselves. */
  'office.unseen': rule(),
  'office.comments': rule(),
  'office.properties': rule(),
  'image.metadata': rule(),
  'image.trailing': rule(),
  'image.active': rule(),
  'notebook.outputs': rule(),
  'notebook.embedded': rule(),
  'notebook.widgets': rule(),
  'model.executable': rule(),
  'model.weights': rule(),
  'text.encoded': rule({ longest: z.number().int().min(64) }),
  'text.long-line': rule({ longest: z.number().int().min(200) }),
  'identifiers.found': rule(),
  'identifiers.columns': rule(),
  'table.ragged': rule(),
  'table.formula': rule(),
  /** An unweighted count below the threshold, zero excepted. */
  'sdc.minimum-count': rule({ threshold: count }),
  'sdc.zero-cells': rule(),
  /** One category has all of a group, so every member's attribute is known (class disclosure). */
  'sdc.full-cells': rule(),
  /** The largest n contributors hold more than k percent of a cell's total. */
  'sdc.dominance': rule({ pairs: z.array(z.strictObject({ n: z.union([z.literal(1), z.literal(2)]), k: percent })) }),
  /** All but the two largest contributors come to less than p percent of the largest. */
  'sdc.p-percent': rule({ p: percent }),
  /** Counts that are not multiples of the base. A base of 1 looks only for rounding that is not kept up. */
  'sdc.rounding': rule({ base: count }),
  'sdc.degrees-of-freedom': rule({ least: count }),
  /** A quantile with fewer than `tail` observations beyond it. */
  'sdc.quantiles': rule({ tail: count }),
  /** Minima and maxima, which are one person's values. */
  'sdc.extremes': rule(),
  /** A percentage which, with its denominator, tells a count below the threshold. */
  'sdc.percentages': rule(),
  'sdc.percentage-decimals': rule({ decimals: z.number().int().min(0).max(10) }),
  /** Statistics without the number of people behind them. */
  'sdc.no-counts': rule(),
  /** One row a person: no table at all. */
  'sdc.microdata': rule({ rows: count }),
  /** A suppressed cell which the margins give away. */
  'sdc.complementary': rule(),
  /** A difference from an earlier release below the minimum count. */
  'sdc.differencing': rule(),
  /** A rule that looks at a whole table could not, as the table is too large. */
  'sdc.not-run': rule(),
});
export type PolicyRules = z.infer<typeof PolicyRules>;
export type RuleName = keyof PolicyRules;

const allTiers = [1, 2, 3] as const;
/**
 * The formats that may pass, each with its media type and the tiers that its files may leave. What reviewers can't be shown
 * safely, such as a PDF, passes nowhere. `formats/` says how each is recognised and checked, `preview/` how it is shown.
 */
export const PASSING_FORMATS = {
  csv: { type: 'text/csv', tiers: allTiers },
  tsv: { type: 'text/tab-separated-values', tiers: allTiers },
  text: { type: 'text/plain', tiers: allTiers },
  markdown: { type: 'text/markdown', tiers: allTiers },
  html: { type: 'text/html', tiers: [1] },
  code: { type: 'text/x-code', tiers: allTiers },
  json: { type: 'application/json', tiers: allTiers },
  ndjson: { type: 'application/x-ndjson', tiers: allTiers },
  notebook: { type: 'application/x-ipynb+json', tiers: allTiers },
  workbook: { type: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', tiers: allTiers },
  document: { type: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', tiers: allTiers },
  slides: { type: 'application/vnd.openxmlformats-officedocument.presentationml.presentation', tiers: allTiers },
  parquet: { type: 'application/vnd.apache.parquet', tiers: allTiers },
  png: { type: 'image/png', tiers: allTiers },
  jpeg: { type: 'image/jpeg', tiers: allTiers },
  svg: { type: 'image/svg+xml', tiers: allTiers },
  safetensors: { type: 'application/x-safetensors', tiers: allTiers },
} as const satisfies Record<string, { type: string; tiers: readonly Tier[] }>;
export type FormatName = keyof typeof PASSING_FORMATS;
export const FORMAT_NAMES = Object.keys(PASSING_FORMATS) as FormatName[];

const typeOf = (name: FormatName) => PASSING_FORMATS[name].type;

/** What a project's outputs are checked against. Kept as data per project; `version` is what reports name. */
export const Policy = z.strictObject({
  version: z.string().min(1).max(100),
  tier: Tier,
  types: z.array(z.enum(FORMAT_NAMES.map(typeOf))),
  bytes: z.number().int().min(1).describe('the largest file'),
  rows: z.number().int().min(1).describe('the longest table'),
  cells: z.number().int().min(1).describe('the largest table'),
  rules: PolicyRules,
});
export type Policy = z.infer<typeof Policy>;

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
    types: FORMAT_NAMES.filter(name => PASSING_FORMATS[name].tiers.some(format => format === tier)).map(typeOf),
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
