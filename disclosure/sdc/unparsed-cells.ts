import type { Findings } from '../findings.ts';
import type { Cell } from '../report.ts';
import { readCount, type TableGrid } from './grid.ts';

/** Words of notes and of headings inside of a table, after which a number counts nobody: "Table 3", "rounded to 5". */
const notes =
  /\b(sources?|notes?|tables?|figures?|versions?|models?|waves?|stages?|panels?|groups?|steps?|parts?|sections?|phases?|stud(y|ies)|arms?|cohorts?|quarters?|weeks?|months?|years?|days?|ages?|aged|bands?|quintiles?|deciles?|tertiles?|visits?|chapters?|types?|grades?|class|levels?|appendix|pages?|see|round(ed|ing)|suppress\w*|below|under|over|above|than|least|most|base|bases|thresholds?|minimum|counts?|cells?|values?|percent\w*|interval|at|to|of|in|by|on|as|from|for|since|until|per|is|are|was|were|had|has|and|or|with|updated?|published|release|p)\b/i;
const year = /^(19|20)\d\d$/;
const number = (text: string): boolean => readCount(text) !== undefined && !year.test(text.trim());
/** A number that has not even its name beside it. */
const isAlone = (text: string): boolean => number(text) && !/[=:]/.test(text);
/** Programs print tables of statistics below each other, one wider than the other: no part of them is a count. */
const isCount = (text: string): boolean => number(text) && Number.isInteger(readCount(text)) && readCount(text) !== 0;
/** A comma between cells, and none of the thousands of one number. */
const comma = /(?<!(?:^|[^\p{L}\d,])\d{1,3}(?:,\d{3})*),|,(?!\d{3}(?!\d))/u;
const labelled = /^(\p{L}[^\d;,|]{0,60}?)\s*(?:[:=(–-]\s*|\s)[<≤~≈]?\s?(\d[\d.,]*)\s?%?\)?$/u;
const joins = /^(and|or|und|oder|et|ou|y|e)\s/i;

/**
 * Whether a text that stands alone is a row that was not divided: a number between delimiters, or a short label and a
 * number. Sentences are none, nor are notes and headings, nor years, nor "N = 1,204".
 */
export function looksLikeUndividedRow(text: string, threshold: number): boolean {
  const plain = text.normalize('NFKC').trim();
  if (!/\d/.test(plain)) return false;
  const isDivided = (divider: RegExp, firstPart: number) => {
    const parts = plain.split(divider).map(part => part.trim());
    return parts.length > 1 && parts.slice(firstPart).some(number) && !parts.some(part => joins.test(part));
  };
  if (isDivided(/[;|\t]/, 0) || isDivided(comma, 1) || isDivided(/\s{2,}/, 1)) return true;
  const [, label, value] = labelled.exec(plain) ?? [];
  if (label === undefined || value === undefined || year.test(value) || notes.test(label)) return false;
  if (/^n$|\bn$/i.test(label.trim()) && Number(value.replaceAll(',', '')) >= threshold) return false;
  return label.trim().split(/\s+/).length <= 4;
}

/**
 * Rows that were not divided into the cells of the heading, and numbers where no rule takes them for numbers. Their order
 * and what follows them change nothing.
 */
export function checkUnparsedCells(grid: TableGrid, findings: Findings): void {
  const { threshold } = findings.policy.rules['sdc.minimum-count'];
  const width = grid.names.length;
  const numeric = Array.from({ length: width }, (_, column) => {
    const filledRows = grid.rows.filter(row => row.length === width && (row[column] ?? '').trim() !== '');
    return (
      filledRows.length > 0 &&
      filledRows.filter(row => readCount(row[column] ?? '') !== undefined).length * 2 >= filledRows.length
    );
  });
  const strayCells: Cell[] = [];
  const isStray = (row: readonly string[]): number => {
    const filledColumns = row.flatMap((cell, column) => (cell.trim() === '' ? [] : [column]));
    const [first = 0] = filledColumns;
    if (filledColumns.length === 0) return -1;
    if (filledColumns.length === 1) {
      const text = row[first] ?? '';
      const isOwn = width === 1 || numeric[first] === true;
      return (isAlone(text) ? !isOwn : looksLikeUndividedRow(text, threshold)) ? first : -1;
    }
    const foreign = row.findIndex(
      cell => /(?![0-9])\p{Nd}/u.test(cell) && (readCount(cell) === undefined || /^[a-z]/i.test(cell)),
    );
    if (foreign >= 0) return foreign;
    if (row.length === width || row.some(cell => joins.test(cell.trim()))) return -1;
    return (
      filledColumns.find(column => {
        const text = row[column] ?? '';
        return (
          column > 0 && !numeric[column] && isCount(text) && (column >= width || (readCount(text) ?? 0) < threshold)
        );
      }) ?? -1
    );
  };
  const add = (row: number, column: number, text: string) => void strayCells.push(grid.cell(row, column, text));
  const titleLines = width === 1 && grid.heading > 0 ? [...grid.titleLines, ...grid.names] : grid.titleLines;
  for (const text of titleLines)
    if ((isAlone(text) && isCount(text)) || looksLikeUndividedRow(text, threshold))
      add(Math.max(1, grid.heading - 1), 0, text);
  for (const [column, name] of grid.names.entries()) {
    const base = Number(/\bn\s?=\s?(\d{1,9})\b/i.exec(name)?.[1] ?? threshold);
    if (base > 0 && base < threshold) add(grid.heading, column, name);
  }
  for (const [line, row] of grid.rows.entries()) {
    const column = isStray(row);
    if (column >= 0) add(grid.numbers[line] ?? 0, column, row[column] ?? '');
  }
  if (strayCells.length > 0)
    findings.unjudged(
      'table.ragged',
      'Some numbers stand outside the columns of the heading, so no rule has judged them. Give every row the cells of the heading.',
      strayCells.slice(0, 50),
      strayCells.length,
    );
}
