import { CostExplorerClient, GetCostAndUsageCommand } from '@aws-sdk/client-cost-explorer';
import * as z from 'zod';
import { now } from '../clock.ts';
import { step } from '../handler.ts';
import { bill, CostPage, dayBefore, question, shift } from './bill.ts';
import { figures } from './costs.ts';
import { collected } from './report.ts';
import { readReport, writeReport } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), COST_TAG: z.string() });
const { TABLE_NAME, COST_TAG } = env.parse(process.env);
// Cost Explorer answers for all regions from this one.
const client = new CostExplorerClient({ region: 'us-east-1' });

const Input = z.object({ date: z.iso.date().optional(), started: z.iso.datetime() });

export const handler = step(Input, async ({ date = '', started }) => {
  // By the run's start, so that a try after midnight still means the same day.
  const day = date || dayBefore(started);
  const found = figures(bill(await pages(day), COST_TAG), day);
  if ('reason' in found) return { outcome: 'unbilled', date: day, reason: found.reason };
  const [current, eve] = await Promise.all([readReport(TABLE_NAME, day), readReport(TABLE_NAME, shift(day, -1))]);
  const report = collected(current, found, { now: now(), eve });
  if (!(await writeReport(TABLE_NAME, report, current))) throw new Error(`the report of ${day} changed meanwhile`);
  return { outcome: 'collected', date: day, edition: report.edition };
});

/** All pages. A token that comes back twice would go round for ever, at a cent a page. */
async function pages(day: string): Promise<CostPage[]> {
  const all: CostPage[] = [];
  const seen = new Set<string>();
  for (let next: string | undefined; ; ) {
    const answer = await client.send(new GetCostAndUsageCommand({ ...question(day, COST_TAG), NextPageToken: next }));
    const page = CostPage.parse(answer);
    all.push(page);
    next = page.NextPageToken;
    if (!next) return all;
    if (seen.has(next) || seen.size >= 100) throw new Error('Cost Explorer does not come to a last page');
    seen.add(next);
  }
}
