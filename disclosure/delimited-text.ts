import { looksLikeHeading } from './sdc/heading.ts';
import { readCell, readComposite } from './sdc/number.ts';

/** The cells of a line that a delimiter divides, its quotes taken off. */
export function splitDelimitedLine(line: string, delimiter: string): string[] {
  if (!line.includes('"')) return line.split(delimiter).map(cell => cell.trim());
  const cells: string[] = [];
  let [start, isQuoted] = [0, false];
  for (let index = 0; index <= line.length; index++) {
    if (line[index] === '"') isQuoted = !isQuoted;
    if (index < line.length && (isQuoted || line[index] !== delimiter)) continue;
    cells.push(line.slice(start, index).trim());
    start = index + 1;
  }
  return cells.map(cell => (/^".*"$/.test(cell) ? cell.slice(1, -1).replaceAll('""', '"') : cell));
}

/** A number by itself, a count with its percentage, or one below a bound. */
export const isNumberCell = (cell: string): boolean =>
  /\p{Nd}/u.test(cell) &&
  (/^[<≤]?\s?[\d.,]+\s*(%|\([\d.,]+\s*%?\))?$/.test(cell) ||
    readCell(cell) !== undefined ||
    readComposite(cell) !== undefined);

/** A label or a number as results have them, and nothing that only programs write. */
const plain = /^['"]?(?:[\p{L}\p{N}\p{M} ._%£$€<≤>≥+*†‡#:/&'’–—-]|\([^()]*\)|\[[^[\]]*\])*['"]?$/u;
export const isLabelOrNumber = (cell: string): boolean =>
  cell.length <= 200 && (plain.test(cell) || isNumberCell(cell));

/** Whether a row names the columns of those below it. */
export const isHeadingRow = (cells: readonly string[]): boolean =>
  cells.filter(cell => cell !== '').length >= 2 && cells.every(isLabelOrNumber) && looksLikeHeading(cells);

const comment = /^\s*(#|\/\/|\/?\*|--|%|$)/;

/**
 * Whether the first lines of what is named as code are a table all the same: each is divided alike, into labels and numbers
 * and nothing else, and numbers stand in most of them or the lines are many. Comments before it change nothing.
 */
export function isTableInCode(start: string): boolean {
  const lines = start.split(/\r\n|\n|\r/);
  if (lines.length > 2) lines.pop();
  const firstLine = lines.findIndex(line => !comment.test(line));
  const sample = (firstLine < 0 ? [] : lines.slice(firstLine))
    .filter(line => line.trim() !== '' && line.length <= 5000)
    .slice(0, 50);
  if (sample.length < 2) return false;
  return [',', ';', '\t', '|'].some(delimiter => {
    const rows = sample.map(line => splitDelimitedLine(line, delimiter));
    const width = rows[1]?.length ?? 0;
    const alike = rows.filter(
      row => row.length === width && row.every(isLabelOrNumber) && row.filter(cell => cell !== '').length >= 2,
    );
    const numberRows = alike.filter(row => row.some(isNumberCell));
    return (
      width >= 2 && alike.length >= 0.8 * rows.length && (numberRows.length * 2 >= rows.length || rows.length >= 20)
    );
  });
}
