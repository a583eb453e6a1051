import { readNumber } from './number.ts';

/** A heading has no numbers, but for years and the like over the columns of a cross-table. */
export function looksLikeHeading(cells: readonly string[]): boolean {
  const filledCells = cells.filter(cell => cell.trim() !== '');
  const numbers = filledCells.filter(cell => readNumber(cell) !== undefined && !/%$/.test(cell.trim()));
  if (numbers.length === 0) return filledCells.length > 0;
  const years = numbers.every(cell => /^(19|20)\d\d$/.test(cell.trim()));
  const labels = numbers.every(cell => /^\d{1,3}$/.test(cell.trim())) && numbers.length === new Set(numbers).size;
  const ascending = numbers.every((cell, index) => index === 0 || Number(cell) > Number(numbers[index - 1]));
  return (
    readNumber(cells[0] ?? '') === undefined &&
    (years || (labels && ascending && numbers.length >= 2 && Number(numbers[0]) <= 1))
  );
}
