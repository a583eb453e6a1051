import type { ByteSource } from './byte-source.ts';
import { head, startsWith, takeHead, Unreadable } from './bytes.ts';
import { CsvScanner, delimiterOf } from './csv.ts';
import { hasDecimalCommas, withoutCommas } from './decimal-comma.ts';
import type { Findings } from './findings.ts';
import type { TableCheck } from './sdc/table.ts';

export const linesOfText = (text: string): string[] => text.split(/\r\n|\n|\r/);

/** UTF-16, as spreadsheets export "Unicode text", becomes UTF-8; all else passes as it is. */
export async function* utf8(source: ByteSource): AsyncIterable<Uint8Array> {
  const start = await head(source, 2);
  const encoding = startsWith(start, [0xff, 0xfe])
    ? 'utf-16le'
    : startsWith(start, [0xfe, 0xff])
      ? 'utf-16be'
      : undefined;
  if (encoding === undefined) return yield* source.stream();
  const decoder = new TextDecoder(encoding);
  const encoder = new TextEncoder();
  for await (const chunk of source.stream())
    for (let at = 0; at < chunk.length; at += 1 << 16)
      yield encoder.encode(decoder.decode(chunk.subarray(at, at + (1 << 16)), { stream: true }));
  yield encoder.encode(decoder.decode());
}

/** A CSV or TSV file, checked as it streams. */
export async function checkCsv(source: ByteSource, type: string, findings: Findings, table: TableCheck): Promise<void> {
  const text = () => utf8(source);
  const start = await takeHead(text(), 65_536);
  const delimiter = delimiterOf(start, type === 'text/tab-separated-values' ? '\t' : ',');
  const commas = delimiter !== ',' && hasDecimalCommas(new TextDecoder().decode(start));
  const scanner = new CsvScanner(commas ? withoutCommas(table) : batch => table.take(batch), delimiter.charCodeAt(0));
  for await (const chunk of text()) {
    if (chunk.includes(0)) throw new Unreadable('it begins as text and goes on as something else');
    scanner.push(chunk);
    if (scanner.wrong !== undefined) throw new Unreadable(scanner.wrong);
  }
  scanner.end();
  if (scanner.wrong !== undefined) throw new Unreadable(scanner.wrong);
  if (scanner.badQuotes > 0 && findings.runs('table.ragged'))
    findings.add(
      'table.ragged',
      'Quotes are not closed or are followed by more text, so programs differ in how they read it.',
      [],
      scanner.badQuotes,
    );
  table.end();
}
