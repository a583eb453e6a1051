import * as z from 'zod';
import { quoteForFinding } from '../findings.ts';
import type { Policy } from '../policy.ts';
import { Action, type CheckFinding } from '../report.ts';
import type { IndexedTable } from './cell-index.ts';
import type { NearbyCounts, TableDifference } from './differencing.ts';

/** What a policy says about differences, as it goes with the tables it was checked under. */
export const DifferencingLimits = z.object({ threshold: z.number(), action: Action });
export type DifferencingLimits = z.infer<typeof DifferencingLimits>;

/** Undefined where the policy turns the rule off. */
export function differencingLimitsFor({ rules }: Policy): DifferencingLimits | undefined {
  const { action } = rules['sdc.differencing'];
  return action === 'off' ? undefined : { threshold: rules['sdc.minimum-count'].threshold, action };
}

const place = (row: number, column: number) => `row ${row}, column ${column}`;
const pair = ({ row, column, otherRow, otherColumn, distance, sum }: NearbyCounts) =>
  `${sum ? 'what starts at ' : ''}${place(row, column)} and there ${place(otherRow, otherColumn)} (${distance} apart)`;
const milder = (action: Action): Action => (action === 'block' ? 'ask' : action);

/** Names a table so that a person can find it. */
const nameOf = ({ path, table }: IndexedTable) =>
  `${table > 1 ? `table ${table} of ` : ''}“${quoteForFinding(path, 80)}”`;

/** A difference as a finding on the newer table. It names places in both, and no value that has not left yet. */
export function createDifferencingFinding(
  { certain, nearbyCounts, count }: TableDifference,
  table: IndexedTable,
  otherTable: IndexedTable,
  release: string | undefined,
  { threshold, action }: DifferencingLimits,
): CheckFinding {
  const source = `${nameOf(otherTable)} of ${release === undefined ? 'this request' : `release ${quoteForFinding(release, 60)}`}`;
  const places = nearbyCounts.slice(0, 3).map(pair).join('; ');
  const rest = count > 3 ? `; ${count - 3} more` : '';
  const tableNote = table.table > 1 ? ` (table ${table.table})` : '';
  return {
    rule: 'sdc.differencing',
    action: certain ? action : milder(action),
    message: certain
      ? `Counts here${tableNote} and in ${source} describe the same people except for fewer than ${threshold}, whom a subtraction discloses: ${places}${rest}. Release one of the two, or round both.`
      : `Counts here${tableNote} differ by less than ${threshold} from those in ${source}, and may be of the same people: ${places}${rest}. Say how the two populations differ, or round both.`,
    cells: nearbyCounts.slice(0, 50).map(({ row, column, value, sum }) => ({
      ...(table.sheet === undefined ? {} : { sheet: table.sheet }),
      row,
      column,
      // A sum is named at the first of its cells.
      value: sum ? `sum ${value}` : String(value),
    })),
    count: Math.max(1, count),
  };
}

/** A finding on a table that is near to more tables than can be compared. */
export const createTooManyTablesFinding = (table: IndexedTable, { action }: DifferencingLimits): CheckFinding => ({
  rule: 'sdc.differencing',
  action: milder(action),
  message: `Counts of ${nameOf(table)} are near to those of more tables than can be compared. Say how their populations differ, or round them.`,
  cells: [],
  count: 1,
});

/** A finding on a table with more counts, or more variables, than are compared. */
export const createTableTooLargeFinding = (table: IndexedTable, { action }: DifferencingLimits): CheckFinding => ({
  rule: 'sdc.differencing',
  action: milder(action),
  message: `${nameOf(table)} is too large for all of its counts to be compared with other tables. Give a smaller one, or say why subtraction tells nothing.`,
  cells: [],
  count: 1,
});
