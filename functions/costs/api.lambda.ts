import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { http } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { partitions } from '../keys.ts';
import { Refused } from '../refused.ts';
import { pageRows } from '../table.ts';
import { CostReport } from './costs.ts';
import { resolveReportRun } from './report.ts';
import { costsRoutes } from './routes.ts';
import { readCostReport } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), MACHINE_ARN: z.string() });
const { TABLE_NAME, MACHINE_ARN } = env.parse(process.env);
const machines = new SFNClient({});

export const handler = http(
  costsRoutes,
  'costs',
  {
    reportCosts: async ({ body }) => {
      const { date, name } = resolveReportRun(body.date, currentTime());
      try {
        const input = JSON.stringify({ date });
        await machines.send(new StartExecutionCommand({ stateMachineArn: MACHINE_ARN, name, input }));
      } catch (error) {
        // Somebody asked for the same day in the same millisecond: theirs is as good.
        if (!(error instanceof ExecutionAlreadyExists)) throw error;
      }
      return { date };
    },
    listReports: ({ query }) => pageRows(TABLE_NAME, CostReport, partitions.reports, query),
    showReport: async ({ params: { date } }) => {
      const report = await readCostReport(TABLE_NAME, date);
      if (!report) throw new Refused('missing', `There is no cost report of ${date}. Make one: broch cost report.`);
      return report;
    },
  },
  { roles: async () => [], once: outcomeStore(TABLE_NAME) },
);
