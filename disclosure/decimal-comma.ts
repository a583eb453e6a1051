import { decodeRow } from './csv.ts';
import type { RowBatch } from './csv-tokenizer.ts';
import type { TableCheck } from './sdc/table.ts';

/**
 * A number after a delimiter or in brackets, with its last sign of two. Three digits after it may be thousands in either
 * way of writing, so they say nothing.
 */
const decimalNumber = /(?:^|[;\t(]) ?"?[+-]?\d+(?:[.,]\d{3})*([.,])(?!\d{3}(?!\d))\d+(?:\s?%)?"?(?=[;\t\r\n) ]|$)/gm;

/** Whether a file that has no commas between its cells writes its numbers with decimal commas. */
export function hasDecimalCommas(head: string): boolean {
  const signs = [...head.matchAll(decimalNumber)].map(([, sign]) => sign);
  return signs.length >= 2 && !signs.includes('.');
}

const plain = (text: string): string =>
  /\d,\d/.test(text) || /^\d{1,3}(\.\d{3})+$/.test(text.trim())
    ? text.replace(/(\d)\.(?=\d{3}(?!\d))/g, '$1').replace(/(\d),(?=\d)/g, '$1.')
    : text;

/** Rows of a table in which a comma is a point and a point divides thousands, as the checks read them. */
export const createDecimalCommaReader = (table: TableCheck) => (batch: RowBatch) => {
  for (let row = 0; row < batch.rows; row++) table.text(decodeRow(batch, row).map(plain), batch.numbers[row] as number);
};
