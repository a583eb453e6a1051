import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { dayBefore } from './bill.ts';
import { decideReport } from './report.ts';
import { changeCostReport } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

const Input = z.object({ date: z.string(), started: z.iso.datetime(), reason: z.string() });

/** Records why the card of a day was not sent. */
export const handler = stepHandler(Input, async ({ date, started, reason }) => {
  const day = date || dayBefore(started);
  const now = currentTime();
  const command = { do: 'recordUnsent', date: day, reason } as const;
  await changeCostReport(TABLE_NAME, day, report => decideReport(report, command, now), now);
  return { date: day, reason };
});
