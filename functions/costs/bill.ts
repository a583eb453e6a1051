import * as z from 'zod';
import {
  addDecimals,
  apportion,
  compareValues,
  type Decimal,
  MICRO_SCALE,
  parseDecimal,
  ZERO_DECIMAL,
} from './money.ts';

/** The calendar day (UTC) `days` after `date`. */
export const addDays = (date: string, days: number): string =>
  new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);

/** The day before the instant `at`: the newest day in Cost Explorer. */
export const dayBefore = (timestamp: string): string => addDays(timestamp.slice(0, 10), -1);

export const TREND_DAYS = 14;

/**
 * The Cost Explorer query for the report of `date`: the month so far and the last fortnight, by day and project. It
 * includes all record types (also credits, refunds and tax), so that the total is the real cost of a day.
 */
export function buildCostQuery(date: string, tag: string) {
  const [first = date] = [`${date.slice(0, 8)}01`, addDays(date, 1 - TREND_DAYS)].sort();
  return {
    TimePeriod: { Start: first, End: addDays(date, 1) },
    Granularity: 'DAILY' as const,
    Metrics: ['UnblendedCost'],
    GroupBy: [{ Type: 'TAG' as const, Key: tag }],
  };
}

const Metrics = z.object({ UnblendedCost: z.object({ Amount: z.string(), Unit: z.string() }).optional() });

/** The part of a GetCostAndUsage answer that is used. */
export const CostPage = z.object({
  ResultsByTime: z
    .array(
      z.object({
        TimePeriod: z.object({ Start: z.iso.date() }),
        Total: Metrics.optional(),
        Groups: z.array(z.object({ Keys: z.array(z.string()).length(1), Metrics })).optional(),
        Estimated: z.boolean().optional(),
      }),
    )
    .default([]),
  NextPageToken: z.string().optional(),
});
export type CostPage = z.infer<typeof CostPage>;

/** One day, in micros. The amounts of projects and untagged costs sum to the total exactly. */
export interface BillDay {
  readonly total: bigint;
  readonly untagged: bigint;
  readonly projects: ReadonlyMap<string, bigint>;
  /** AWS may still change the amounts. It says so of every day until the invoice of its month is final. */
  readonly estimated: boolean;
}

export interface Bill {
  readonly currency: string;
  readonly days: ReadonlyMap<string, BillDay>;
}

/**
 * Adds up pages in any order. A group's key is `<tag>$<value>`, or `<tag>$` for untagged costs. A group may continue on
 * the next page, so amounts of the same name and day are added.
 */
export function sumBill(pages: readonly CostPage[], tag: string): Bill {
  const sums = new Map<string, Map<string, Decimal>>();
  const currencies = new Set<string>();
  const estimatedDays = new Set<string>();
  for (const { TimePeriod, Groups = [], Total, Estimated } of pages.flatMap(page => page.ResultsByTime)) {
    const day = sums.get(TimePeriod.Start) ?? new Map<string, Decimal>();
    sums.set(TimePeriod.Start, day);
    if (Estimated) estimatedDays.add(TimePeriod.Start);
    // A day without groups has its amount in the total.
    const groups = Groups.length > 0 ? Groups : [{ Keys: [`${tag}$`], Metrics: Total ?? {} }];
    for (const { Keys, Metrics } of groups) {
      const name = projectOf(Keys[0] ?? '', tag);
      const { Amount = '0', Unit = '' } = Metrics.UnblendedCost ?? {};
      const amount = parseDecimal(Amount);
      // Zero amounts may have no currency.
      if (amount.units !== 0n) currencies.add(Unit);
      day.set(name, addDecimals(day.get(name) ?? ZERO_DECIMAL, amount));
    }
  }
  const [currency = 'USD', ...otherCurrencies] = currencies;
  if (otherCurrencies.length > 0 || !/^[A-Z]{3}$/.test(currency))
    throw new Error(`a bill has one currency, this one has ${JSON.stringify([...currencies].slice(0, 5))}`);
  return {
    currency,
    days: new Map([...sums].map(([date, amounts]) => [date, settle(amounts, estimatedDays.has(date))])),
  };
}

function projectOf(group: string, tag: string): string {
  if (!group.startsWith(`${tag}$`)) throw new Error(`the bill is not grouped by ${tag}`);
  return group.slice(tag.length + 1);
}

function settle(amounts: ReadonlyMap<string, Decimal>, estimated: boolean): BillDay {
  const names = [...amounts.keys()].sort(compareValues);
  const shares = apportion(
    names.map(name => amounts.get(name) ?? ZERO_DECIMAL),
    MICRO_SCALE,
  );
  const projects = new Map(names.map((name, index) => [name, shares[index] ?? 0n]));
  const untagged = projects.get('') ?? 0n;
  projects.delete('');
  return { total: shares.reduce((sum, share) => sum + share, 0n), untagged, projects, estimated };
}
