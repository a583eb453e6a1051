import type { FileChange, TableShape } from '../../functions/ingest/schemas.ts';
import { hangingText } from './layout.ts';
import { escapeForTerminal, formatCount, type OutputScreen } from './output.ts';

const countNoun = (count: number, noun: string): string => `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
const MAX_NAMES = 10;

function listNames(label: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const excess = names.length - MAX_NAMES;
  const first = names.slice(0, MAX_NAMES).map(escapeForTerminal).join(', ');
  return [`${label}: ${first}${excess > 0 ? ` and ${formatCount(excess)} more` : ''}`];
}

/** Whether all names of columns are known: of very wide tables, and of very many, only their number is. */
const isNamed = ({ columns, columnCount }: TableShape): boolean => columns.length === columnCount;

function describeTableChange(previous: TableShape, next: TableShape): string {
  const areNamed = isNamed(previous) && isNamed(next);
  const newNames = next.columns.filter(name => !previous.columns.includes(name));
  const lostNames = previous.columns.filter(name => !next.columns.includes(name));
  const columns = [
    ...(areNamed ? [...listNames('new columns', newNames), ...listNames('columns left out', lostNames)] : []),
    ...(!areNamed && previous.columnCount !== next.columnCount
      ? [`${formatCount(previous.columnCount)} → ${formatCount(next.columnCount)} columns`]
      : []),
  ];
  if (previous.rows === next.rows && columns.length === 0)
    return `${areNamed ? 'the same' : 'as many'} columns, and ${countNoun(next.rows, 'row')} as before`;
  const rows =
    previous.rows === next.rows
      ? `${countNoun(next.rows, 'row')} as before`
      : `${formatCount(previous.rows)} → ${countNoun(next.rows, 'row')}`;
  return [rows, ...columns].join('; ');
}

function describeShapes({ before: previous, after: next }: FileChange): string {
  if (previous && next) return `: ${describeTableChange(previous, next)}`;
  const shape = previous ?? next;
  return shape ? `: ${countNoun(shape.columnCount, 'column')}, ${countNoun(shape.rows, 'row')}` : '';
}

/** What changed between two versions of a dataset: a line for each file. */
export const formatFileChanges = (changes: readonly FileChange[], { width }: OutputScreen): string =>
  changes.length === 0
    ? 'Nothing changed between these versions.'
    : changes
        .map(change =>
          hangingText(
            `${change.change.padEnd(7)}  ${escapeForTerminal(change.path)}${describeShapes(change)}`,
            width,
            9,
          ),
        )
        .join('\n');
