import { CostExplorerClient, GetCostAndUsageCommand } from '@aws-sdk/client-cost-explorer';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { addDays, buildCostQuery, CostPage, dayBefore, sumBill } from './bill.ts';
import { computeFigures } from './costs.ts';
import { explainClosedExplorer } from './explorer.ts';
import { decideReport, isProvisional } from './report.ts';
import { changeCostReport, readCostReport } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), COST_TAG: z.string() });
const { TABLE_NAME, COST_TAG } = env.parse(process.env);
// The Cost Explorer endpoint for all regions.
const client = new CostExplorerClient({ region: 'us-east-1' });

const Input = z.object({
  date: z.iso.date().optional(),
  started: z.iso.datetime(),
  /** The run does not collect again. */
  last: z.boolean(),
});

export const handler = stepHandler(Input, async ({ date = '', started, last }) => {
  // Derived from the start of the run, so that a retry after midnight reports the same day.
  const day = date || dayBefore(started);
  const costPages = await pages(day).catch((error: unknown) => {
    const reason = explainClosedExplorer(error);
    if (reason === undefined) throw error;
    return reason;
  });
  if (typeof costPages === 'string') return { outcome: 'closed', date: day, reason: costPages };
  const bill = sumBill(costPages, COST_TAG);
  // AWS has rated a day two days after its start, and an empty one that stays empty all morning most probably is.
  const figures = computeFigures(bill, day, last || !isProvisional(day, started));
  if ('reason' in figures) return { outcome: 'unbilled', date: day, reason: figures.reason };
  const eve = await readCostReport(TABLE_NAME, addDays(day, -1));
  const now = currentTime();
  const estimated = bill.days.get(day)?.estimated ?? false;
  const command = { do: 'recordFigures', figures, eve, estimated } as const;
  const { state } = await changeCostReport(TABLE_NAME, day, report => decideReport(report, command, now), now);
  if (!state || state.status === 'unbilled') throw new Error(`the figures of ${day} were not recorded`);
  return { outcome: 'collected', date: day, edition: state.edition };
});

/** Fetches all pages. A repeated token would loop for ever, at one cent for each page. */
async function pages(day: string): Promise<CostPage[]> {
  const costPages: CostPage[] = [];
  const seenTokens = new Set<string>();
  for (let next: string | undefined; ; ) {
    const answer = await client.send(
      new GetCostAndUsageCommand({ ...buildCostQuery(day, COST_TAG), NextPageToken: next }),
    );
    const page = CostPage.parse(answer);
    costPages.push(page);
    next = page.NextPageToken;
    if (!next) return costPages;
    if (seenTokens.has(next) || seenTokens.size >= 100)
      throw new Error('Cost Explorer repeats a page or has more than 100 pages');
    seenTokens.add(next);
  }
}
