import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { publishEvent } from '../events.ts';
import { stepHandler } from '../handler.ts';
import { dayBefore } from './bill.ts';
import { CostReported, CostReportFailed } from './events.ts';
import { markUnsent } from './report.ts';
import { readCostReport, writeCostReport } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), BUS_NAME: z.string() });
const { TABLE_NAME, BUS_NAME } = env.parse(process.env);

const Input = z.object({
  date: z.string().optional(),
  started: z.iso.datetime(),
  reason: z.string().optional().describe('left out: the card is out'),
});

/** The end of a run: what became of the report is kept and told. */
export const handler = stepHandler(Input, async ({ date = '', started, reason }) => {
  const day = date || dayBefore(started);
  const current = await readCostReport(TABLE_NAME, day);
  if (reason === undefined) {
    if (!current || current.status === 'unbilled') throw new Error(`there is no report of ${day}`);
    await publishEvent(BUS_NAME, CostReported, current);
    return { date: day };
  }
  const report = markUnsent(current, { date: day, reason, now: currentTime() });
  if (report !== current && !(await writeCostReport(TABLE_NAME, report, current)))
    throw new Error(`the report of ${day} changed meanwhile`);
  await publishEvent(BUS_NAME, CostReportFailed, { date: day, reason });
  return { date: day, reason };
});
