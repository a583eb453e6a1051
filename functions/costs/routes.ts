import * as z from 'zod';
import { PagingQuery, pageOf, type Route, staffGrants } from '../http/route.ts';
import { CostReport } from './costs.ts';

export const costsRoutes = {
  reportCosts: {
    method: 'POST',
    path: '/costs/reports',
    capability: 'costs',
    cli: 'cost report',
    status: 202,
    callers: [{ group: 'operator' }],
    summary: 'Collect and send the cost card of a day now',
    example: 'cost report',
    body: z.object({ date: z.iso.date().optional() }),
    returns: z.object({ date: z.iso.date() }),
  },
  listReports: {
    method: 'GET',
    path: '/costs/reports',
    capability: 'costs',
    cli: 'cost list',
    status: 200,
    callers: staffGrants,
    summary: 'List the daily cost reports',
    example: 'cost list',
    query: PagingQuery,
    returns: pageOf(CostReport),
  },
  showReport: {
    method: 'GET',
    path: '/costs/reports/{date}',
    capability: 'costs',
    cli: 'cost show',
    status: 200,
    callers: staffGrants,
    summary: 'Show the costs of one day by project',
    example: 'cost show 2026-11-01',
    params: z.object({ date: z.iso.date() }),
    returns: CostReport,
  },
} as const satisfies Record<string, Route>;
