import type { ByteSource } from './byte-source.ts';
import { readHead, startsWithBytes, takeHead, UnreadableError } from './bytes.ts';
import { CsvScanner, detectDelimiter } from './csv.ts';
import { createDecimalCommaReader, hasDecimalCommas } from './decimal-comma.ts';
import type { Findings } from './findings.ts';
import type { TableCheck } from './sdc/table.ts';

export const splitTextLines = (text: string): string[] => text.split(/\r\n|\n|\r/);

/** UTF-16, as spreadsheets export "Unicode text", becomes UTF-8; all else passes as it is. */
export async function* toUtf8Stream(source: ByteSource): AsyncIterable<Uint8Array> {
  const start = await readHead(source, 2);
  const encoding = startsWithBytes(start, [0xff, 0xfe])
    ? 'utf-16le'
    : startsWithBytes(start, [0xfe, 0xff])
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
  const text = () => toUtf8Stream(source);
  const start = await takeHead(text(), 65_536);
  const delimiter = detectDelimiter(start, type === 'text/tab-separated-values' ? '\t' : ',');
  const commas = delimiter !== ',' && hasDecimalCommas(new TextDecoder().decode(start));
  const scanner = new CsvScanner(
    commas ? createDecimalCommaReader(table) : batch => table.take(batch),
    delimiter.charCodeAt(0),
  );
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
      'Quotes are not closed or are followed by more text, so programs differ in how they read it.',
      [],
      scanner.badQuotes,
    );
  table.end();
}
