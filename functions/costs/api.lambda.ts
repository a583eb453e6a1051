import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { startExecution } from '../executions.ts';
import { http } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { readGroups } from '../people.ts';
import { Refused } from '../refused.ts';
import { resolveReportRun } from './report.ts';
import { costsRoutes } from './routes.ts';
import { pageCostReports, readCostReport, recordRequestedRun } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), MACHINE_ARN: z.string(), POOL_ID: z.string() });
const { TABLE_NAME, MACHINE_ARN, POOL_ID } = env.parse(process.env);

export const handler = http(
  costsRoutes,
  'costs',
  {
    reportCosts: async ({ body }) => {
      const now = currentTime();
      const { date, name } = resolveReportRun(body.date, now);
      await recordRequestedRun(TABLE_NAME, name, now);
      await startExecution(MACHINE_ARN, name, { date });
      return { date };
    },
    listReports: ({ query }) => pageCostReports(TABLE_NAME, query),
    showReport: async ({ params: { date } }) => {
      const report = await readCostReport(TABLE_NAME, date);
      if (!report)
        throw new Refused(
          'missing',
          `There is no cost report for ${date}. Create it: broch cost report --date ${date}.`,
        );
      return report;
    },
  },
  { groups: person => readGroups(POOL_ID, person), once: outcomeStore(TABLE_NAME) },
);
