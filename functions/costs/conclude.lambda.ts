import * as z from 'zod';
import { now } from '../clock.ts';
import { publish } from '../events.ts';
import { step } from '../handler.ts';
import { dayBefore } from './bill.ts';
import { CostReported, CostReportFailed } from './events.ts';
import { unsent } from './report.ts';
import { readReport, writeReport } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), BUS_NAME: z.string() });
const { TABLE_NAME, BUS_NAME } = env.parse(process.env);

const Input = z.object({
  date: z.string().optional(),
  started: z.iso.datetime(),
  reason: z.string().optional().describe('left out: the card is out'),
});

/** The end of a run: what became of the report is kept and told. */
export const handler = step(Input, async ({ date = '', started, reason }) => {
  const day = date || dayBefore(started);
  const current = await readReport(TABLE_NAME, day);
  if (reason === undefined) {
    if (!current || current.status === 'unbilled') throw new Error(`there is no report of ${day}`);
    await publish(BUS_NAME, CostReported, current);
    return { date: day };
  }
  const report = unsent(current, { date: day, reason, now: now() });
  if (report !== current && !(await writeReport(TABLE_NAME, report, current)))
    throw new Error(`the report of ${day} changed meanwhile`);
  await publish(BUS_NAME, CostReportFailed, { date: day, reason });
  return { date: day, reason };
});
