import { takeHead, UnreadableError } from '../bytes.ts';
import { CsvScanner, detectDelimiter } from '../csv.ts';
import { CsvStyle } from '../csv-style.ts';
import type { RowBatch } from '../csv-tokenizer.ts';
import { createDecimalCommaReader, hasDecimalCommas } from '../decimal-comma.ts';
import { ALL_TIERS, type Format, type FormatCheck, type FormatInput } from '../format.ts';
import { toUtf8Stream } from '../text.ts';

export const csvFormat: Format = {
  type: 'text/csv',
  tiers: ALL_TIERS,
  extensions: ['csv', 'tsv', 'tab', 'txt', 'log'],
  kinds: ['table'],
};

export const checkCsv: FormatCheck = input => checkDelimited(input, ',');

/** Checks a table of lines as it streams. `preferred` is its delimiter where the lines do not say. */
export async function checkDelimited({ source, findings, newTable }: FormatInput, preferred: string): Promise<void> {
  const table = newTable();
  const text = () => toUtf8Stream(source);
  const start = await takeHead(text(), 65_536);
  const delimiter = detectDelimiter(start, preferred);
  const commas = delimiter !== ',' && hasDecimalCommas(new TextDecoder().decode(start));
  const take = commas ? createDecimalCommaReader(table) : (batch: RowBatch) => table.take(batch);
  const style = new CsvStyle(delimiter.charCodeAt(0));
  const scanner = new CsvScanner(batch => {
    style.take(batch);
    take(batch);
  }, delimiter.charCodeAt(0));
  for await (const chunk of text()) {
    if (chunk.includes(0)) throw new UnreadableError('it begins as text and goes on as something else');
    scanner.push(chunk);
    if (scanner.wrong !== undefined) throw new UnreadableError(scanner.wrong);
  }
  scanner.end();
  if (scanner.wrong !== undefined) throw new UnreadableError(scanner.wrong);
  if (scanner.badQuotes > 0 && findings.runs('table.ragged'))
    findings.add(
      'table.ragged',
      'Quotes are not closed or are followed by more text, so programs read the table in different ways. Write the file again with one program.',
      [],
      scanner.badQuotes,
    );
  if (style.exceptions > 0)
    findings.addAtLeast(
      'ask',
      'table.ragged',
      'Some cells are in quotes and others like them are not, or rows end differently. No page shows that, so it can hide something. Write the file again with one program.',
      [],
      style.exceptions,
    );
  table.end();
}
