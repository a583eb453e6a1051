import * as z from 'zod';
import { addDays, type Bill, type BillDay, TREND_DAYS } from './bill.ts';
import { compareValues, divideRounded, Micros } from './money.ts';

const Share = z.object({
  /** The value of the tag. It is usually a project's id, but anyone who can tag resources can write anything. */
  project: z.string(),
  amountMicros: Micros,
  beforeMicros: Micros.optional().describe('the amount of the same weekday a week earlier'),
});

/** The figures of one day. Projects, others and untagged sum to the total exactly. */
export const CostFigures = z.object({
  date: z.iso.date(),
  currency: z.string().regex(/^[A-Z]{3}$/),
  totalMicros: Micros,
  projects: z.array(Share),
  others: z
    .object({ count: z.number().int().min(1), amountMicros: Micros })
    .optional()
    .describe('the smallest projects, added up'),
  untaggedMicros: Micros.describe('costs without a project tag'),
  lastWeekMicros: Micros.optional().describe('the total of the same weekday a week earlier'),
  mean: z
    .object({ days: z.number().int(), amountMicros: Micros })
    .optional()
    .describe('the mean of up to seven previous days'),
  trend: z.array(z.object({ date: z.iso.date(), totalMicros: Micros })),
  month: z.object({ totalMicros: Micros, forecastMicros: Micros.optional(), method: z.string().optional() }),
});
export type CostFigures = z.infer<typeof CostFigures>;

/** The collected part of a report, which every status has. */
export const CollectedReport = z.object({
  ...CostFigures.shape,
  /** Increases when the bill has changed. (The `revision` of the row counts writes.) */
  edition: z.number().int().min(1),
  provisional: z.boolean().describe('AWS may still add costs of this day, or change them'),
  restates: z
    .object({ edition: z.number().int(), totalMicros: Micros })
    .optional()
    .describe('the edition that was sent before'),
  settled: z
    .object({ date: z.iso.date(), totalMicros: Micros, wasMicros: Micros })
    .optional()
    .describe('the final total of the previous day'),
  collectedAt: z.iso.datetime(),
});
const collectedShape = CollectedReport.shape;

/** The report of one day. It is stored even if it could not be sent. */
export const CostReport = z.discriminatedUnion('status', [
  z.object({ status: z.literal('unbilled'), date: z.iso.date(), reason: z.string(), failedAt: z.iso.datetime() }),
  z.object({ status: z.literal('collected'), ...collectedShape }),
  z.object({ status: z.literal('sending'), ...collectedShape, by: z.string(), until: z.iso.datetime() }),
  z.object({ status: z.literal('sent'), ...collectedShape, sentAt: z.iso.datetime() }),
  z.object({ status: z.literal('unsent'), ...collectedShape, reason: z.string(), failedAt: z.iso.datetime() }),
]);
export type CostReport = z.infer<typeof CostReport>;
export type BilledReport = Exclude<CostReport, { status: 'unbilled' }>;

/** Further names are added up as others, so that a report always fits into one row of the table. */
export const MAX_REPORT_PROJECTS = 300;

const sum = (values: Iterable<bigint>): bigint => [...values].reduce((total, value) => total + value, 0n);

/** Names with amounts, largest first. Equal amounts are sorted by name, so that the order of the bill has no effect. */
function shares(day: BillDay, lastWeek: BillDay | undefined): z.infer<typeof Share>[] {
  const names = new Set([...day.projects.keys(), ...(lastWeek?.projects.keys() ?? [])]);
  return [...names]
    .map(project => ({ project, amount: day.projects.get(project) ?? 0n, was: lastWeek?.projects.get(project) ?? 0n }))
    .sort(
      (a, b) => compareValues(b.amount, a.amount) || compareValues(b.was, a.was) || compareValues(a.project, b.project),
    )
    .map(({ project, amount, was: lastAmount }) => ({
      project,
      amountMicros: `${amount}`,
      ...(lastWeek && { beforeMicros: `${lastAmount}` }),
    }));
}

/**
 * The figures of `date`, or the reason why there are none yet. An empty day after days with costs is one that AWS has not
 * rated, until `acceptEmpty` says that it had the time to: then nothing was spent.
 */
export function computeFigures(
  { currency, days }: Bill,
  date: string,
  acceptEmpty = false,
): CostFigures | { reason: string } {
  const day = days.get(date);
  const lastWeek = days.get(addDays(date, -7));
  const week = [1, 2, 3, 4, 5, 6, 7].flatMap(back => days.get(addDays(date, -back)) ?? []);
  // Cost Explorer returns an empty day until AWS has rated it.
  const empty = day && day.projects.size === 0 && day.total === 0n;
  if (!day || (empty && !acceptEmpty && week.some(({ total }) => total !== 0n)))
    return { reason: `Cost Explorer has no figures for ${date} yet. AWS publishes them up to 24 hours later.` };
  const projectShares = shares(day, lastWeek);
  const rest = projectShares.slice(MAX_REPORT_PROJECTS);
  return {
    date,
    currency,
    totalMicros: `${day.total}`,
    projects: projectShares.slice(0, MAX_REPORT_PROJECTS),
    ...(rest.length > 0 && {
      others: { count: rest.length, amountMicros: `${sum(rest.map(({ amountMicros }) => BigInt(amountMicros)))}` },
    }),
    untaggedMicros: `${day.untagged}`,
    ...(lastWeek && { lastWeekMicros: `${lastWeek.total}` }),
    ...(week.length > 0 && {
      mean: { days: week.length, amountMicros: `${divideRounded(total(week), BigInt(week.length))}` },
    }),
    trend: Array.from({ length: TREND_DAYS }, (_, index) => addDays(date, index + 1 - TREND_DAYS)).flatMap(
      trendDate => {
        const trendDay = days.get(trendDate);
        return trendDay ? [{ date: trendDate, totalMicros: `${trendDay.total}` }] : [];
      },
    ),
    month: month(days, date, week),
  };
}

const formatCount = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const total = (days: readonly BillDay[]): bigint => sum(days.map(({ total }) => total));

/** The month so far, and a forecast that assumes the mean of the last complete days for the remaining days. */
function month(days: Bill['days'], date: string, week: readonly BillDay[]): CostFigures['month'] {
  const monthDays = [...days]
    .filter(([calendarDay]) => calendarDay.startsWith(date.slice(0, 8)) && calendarDay <= date)
    .map(([, day]) => day);
  const [year = 0, number = 0, today = 0] = date.split('-').map(Number);
  const remainingDays = new Date(Date.UTC(year, number, 0)).getUTCDate() - today;
  const spending = total(monthDays);
  if (week.length === 0) return { totalMicros: `${spending}` };
  return {
    totalMicros: `${spending}`,
    forecastMicros: `${spending + divideRounded(total(week) * BigInt(remainingDays), BigInt(week.length))}`,
    method: `spent so far + ${formatCount(remainingDays, 'day')} left × the mean of the ${formatCount(week.length, 'day')} before ${date}`,
  };
}
