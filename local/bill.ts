import { createHash } from 'node:crypto';
import { CostExplorerClient, GetCostAndUsageCommand } from '@aws-sdk/client-cost-explorer';
import { addDays, buildCostQuery, type CostPage } from '../functions/costs/bill.ts';

/** Describes an invented bill. The same options always make the same bill, for any days. */
export interface BillOptions {
  readonly projects: readonly string[];
  readonly seed: string;
  readonly tag: string;
}

/** A number from 0 to 1 from the hash of a name: the same on every day of every run. */
const chance = (...parts: (string | number)[]): number =>
  createHash('sha256').update(parts.join('/')).digest().readUInt32BE() / 2 ** 32;

const epoch = Date.UTC(2026, 0, 1) / 86_400_000;
const dayNumber = (date: string) => Date.parse(date) / 86_400_000;

/**
 * Workspaces sleep at weekends, storage and keys don't; the first project grows by a fifth each week, until it stops.
 */
function spend({ seed }: BillOptions, project: string, rank: number, date: string): number {
  const weekend = [0, 6].includes(new Date(date).getUTCDay());
  const size = 55 * (0.35 + chance(seed, project)) * 0.72 ** rank;
  const weeks = (dayNumber(date) - epoch) / 7;
  const growth = rank === 0 ? 1 + 0.2 * (weeks % 6) : 1;
  return size * growth * (0.15 + (weekend ? 0.2 : 0.85) * (0.85 + 0.3 * chance(seed, project, date)));
}

/** Untagged costs: the platform itself, a forgotten volume, and the month's tax on its first day. */
function untagged({ seed }: BillOptions, date: string): number {
  return 4.2 + 1.5 * chance(seed, 'untagged', date) + (date.endsWith('-01') ? 18.37 : 0);
}

/** The answer of Cost Explorer for the days from `first` to before `end`, in two pages, the second by a token. */
export function simulateCostPages(bill: BillOptions, first: string, end: string): CostPage[] {
  const days = [];
  for (let date = first; date < end; date = addDays(date, 1)) days.push(date);
  const group = (name: string, amount: number) => ({
    Keys: [`${bill.tag}$${name}`],
    Metrics: { UnblendedCost: { Amount: amount.toFixed(10), Unit: 'USD' } },
  });
  const results = days.map(date => ({
    TimePeriod: { Start: date, End: addDays(date, 1) },
    Total: {},
    Groups: [
      group('', untagged(bill, date)),
      ...bill.projects.map((project, rank) => group(project, spend(bill, project, rank, date))),
    ],
    Estimated: true,
  }));
  const cut = Math.ceil(results.length / 2);
  const token = createHash('sha256').update(`${bill.seed}/${first}/${end}`).digest('hex');
  return [{ ResultsByTime: results.slice(0, cut), NextPageToken: token }, { ResultsByTime: results.slice(cut) }];
}

export interface SeedBillOptions extends BillOptions {
  /** moto's server. */
  readonly moto: string;
  /** The days that a report will be asked for. */
  readonly dates: readonly string[];
  /** Replaces the bill, as AWS does when it corrects one. All of moto's state is reset. */
  readonly again?: boolean;
}

/**
 * Gives moto's Cost Explorer a bill for the reports of `dates`. moto computes nothing: it answers a new request with
 * the next answer of a queue, and repeats that answer for the same request. So each answer is queued and requested at
 * once, with the request that the report's function sends; after that their order does not matter.
 */
export async function seedBill({ moto, dates, again: reset = false, ...bill }: SeedBillOptions): Promise<void> {
  const client = new CostExplorerClient({
    endpoint: moto,
    region: 'us-east-1',
    credentials: { accessKeyId: 'seed', secretAccessKey: 'seed' },
  });
  const post = async (path: string, body: object) => {
    const answer = await fetch(`${moto}/moto-api/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`moto answered ${answer.status} to ${path}`);
  };
  try {
    if (reset) await post('reset', {});
    for (const date of dates) {
      const query = buildCostQuery(date, bill.tag);
      let NextPageToken: string | undefined;
      for (const page of simulateCostPages(bill, query.TimePeriod.Start, query.TimePeriod.End)) {
        await post('static/ce/cost-and-usage-results', { results: [page] });
        const answer = await client.send(new GetCostAndUsageCommand({ ...query, NextPageToken }));
        NextPageToken = answer.NextPageToken;
      }
    }
  } finally {
    client.destroy();
  }
}
