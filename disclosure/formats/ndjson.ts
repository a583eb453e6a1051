import type { ByteSource } from '../byte-source.ts';
import { UnreadableError } from '../bytes.ts';
import { ALL_TIERS, type Format, type FormatCheck } from '../format.ts';
import type { RowSink } from '../row-sink.ts';
import { isJsonRecord, jsonFormat, jsonText } from './json.ts';

export const ndjsonFormat: Format = {
  type: 'application/x-ndjson',
  tiers: ALL_TIERS,
  extensions: ['log', 'json', 'ndjson', 'jsonl'],
  kinds: jsonFormat.kinds,
};

export const checkNdjson: FormatCheck = ({ source, newTable }) => readJsonLines(source, newTable());

/** One record a line, streaming: the first record's keys are the heading. */
export async function readJsonLines(source: ByteSource, table: RowSink): Promise<void> {
  const decoder = new TextDecoder();
  let [rest, number] = ['', 0];
  let names: string[] = [];
  let headingNames = new Set<string>();
  const take = (line: string) => {
    number++;
    if (line.trim() === '') return;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      throw new UnreadableError(`its line ${number} is no JSON`);
    }
    if (!isJsonRecord(record)) throw new UnreadableError(`its line ${number} is no record`);
    if (names.length === 0) {
      names = Object.keys(record);
      headingNames = new Set(names);
      table.text(names, 1);
    }
    const extraKeys = Object.keys(record).filter(key => !headingNames.has(key));
    table.text(
      [...names, ...extraKeys].map(name => (Object.hasOwn(record, name) ? jsonText(record[name]) : '')),
      number + 1,
    );
  };
  for await (const chunk of source.stream())
    for (let offset = 0; offset < chunk.length; offset += 1 << 16) {
      rest += decoder.decode(chunk.subarray(offset, offset + (1 << 16)), { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
      if (rest.length > 4 * 2 ** 20) throw new UnreadableError('a line is longer than 4 MB');
    }
  take(rest);
  table.end();
}
