import { changeRows } from '../change.ts';
import { outboxRow } from '../events/outbox.ts';
import { partitions, rowKey } from '../keys.ts';
import { pageRows, type Row, readRow } from '../table.ts';
import { CostReport } from './costs.ts';
import type { ReportDecision } from './report.ts';
import { RequestedRuns, requestRun } from './requests.ts';

const REPORT_PREFIX = 'DAY#';
const reportKey = (date: string) => rowKey('reports', '', `${REPORT_PREFIX}${date}`);

export const readCostReport = (table: string, date: string): Promise<Row<CostReport> | undefined> =>
  readRow(table, CostReport, reportKey(date));

export const pageCostReports = (table: string, page: { limit?: number; next?: string | undefined }) =>
  pageRows(table, CostReport, partitions.reports, { ...page, prefix: REPORT_PREFIX });

/** Reads the report of a day, decides, and writes the changes with their events. */
export function changeCostReport(
  table: string,
  date: string,
  decide: (report: CostReport | undefined) => ReportDecision,
  now: string,
): Promise<ReportDecision> {
  const key = reportKey(date);
  return changeRows(
    table,
    `the report of ${date}`,
    () => readCostReport(table, date),
    decide,
    ({ state, events }, read) => [
      ...(state === undefined || state === read ? [] : [{ key, read, item: state }]),
      ...(events.length > 0 ? [outboxRow(key.pk, events, now)] : []),
    ],
  );
}

/** Counts a run that somebody requests, or refuses it when there were too many on this day. */
export function recordRequestedRun(table: string, run: string, now: string) {
  // The partition of stored answers, so that the API needs no right to write reports.
  const key = rowKey('once', 'costs', `REQUESTS#${now.slice(0, 10)}`);
  return changeRows(
    table,
    'the requested reports',
    () => readRow(table, RequestedRuns, key),
    requests => requestRun(requests, run, now),
    ({ state }, read) => (state === undefined || state === read ? [] : [{ key, read, item: state }]),
  );
}
