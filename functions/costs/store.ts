import { rowKey } from '../keys.ts';
import { createRow, type Row, readRow, replaceRow } from '../table.ts';
import { CostReport } from './costs.ts';

const of = (date: string) => rowKey('reports', '', date);

export const readCostReport = (table: string, date: string): Promise<Row<CostReport> | undefined> =>
  readRow(table, CostReport, of(date));

/** Writes a report over what was read. Returns false, and writes nothing, where somebody was faster. */
export const writeCostReport = (
  table: string,
  report: CostReport,
  read: Row<CostReport> | undefined,
): Promise<boolean> =>
  read ? replaceRow(table, of(report.date), read, report) : createRow(table, of(report.date), report);
