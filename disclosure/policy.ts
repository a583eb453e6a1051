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

/** What a project's outputs are checked against. Kept as data per project; `version` is what reports name. */
export const Policy = z.strictObject({
  version: z.string().min(1).max(100),
  tier: Tier,
  types: z.array(z.string().min(1).max(100)).describe('the media types that may pass'),
  bytes: z.number().int().min(1).describe('the largest file'),
  rows: z.number().int().min(1).describe('the longest table'),
  cells: z.number().int().min(1).describe('the largest table'),
  rules: PolicyRules,
});
export type Policy = z.infer<typeof Policy>;
