import type { ByteSource } from '../byte-source.ts';
import { all } from '../bytes.ts';
import { checkLines, jsonTables, parseJson } from '../json.ts';
import { readSafetensors } from '../model.ts';
import { hasWords, wordsIn } from '../office.ts';
import { partText } from '../office-part.ts';
import { readParquet } from '../parquet.ts';
import type { FileReport } from '../report.ts';
import type { Rows } from '../row-sink.ts';
import { checkSheets } from '../xlsx.ts';
import type { ZipEntry } from '../zip.ts';
import { decodeText } from './encoding.ts';
import { pluralise, short } from './escape.ts';
import type { PageLimits } from './limits.ts';
import type { Part } from './page.ts';
import { findingFlags, Sheet } from './sheet.ts';
import { Room } from './size-budget.ts';
import { lines, split, text } from './text.ts';

/** What all readers below are given: a file that is held, and what was found in it. */
export interface Given {
  readonly source: ByteSource;
  readonly size: number;
  readonly report: FileReport | undefined;
  readonly limits: PageLimits;
}

/** The tables of a file in the order they come, each a sheet of its own. */
function sheets({ report, limits }: Given) {
  const made: { name: string | undefined; sheet: Sheet }[] = [];
  return {
    made,
    table: (name?: string) => {
      // More tables than are shown are read to the end, and forgotten.
      if (made.length > limits.parts) return NO_ROWS;
      const sheet = new Sheet(report, limits, name);
      made.push({ name, sheet });
      return sheet.rows();
    },
    draw(room: Room, title: (name: string | undefined) => string) {
      for (const { name, sheet } of made) room.add(left => sheet.part(title(name), left));
    },
  };
}

/** Takes rows that nobody will see. */
export const NO_ROWS: Rows = { text: () => {}, end: () => {} };
const silent = { runs: () => false, add: () => {} };

/** Every sheet of a workbook, the hidden ones as well, with formulas beside their values. */
export async function renderWorkbook(given: Given, entries: readonly ZipEntry[]): Promise<Part[]> {
  const room = new Room(given.limits);
  const { table, draw } = sheets(given);
  await checkSheets(given.source, entries, silent, table);
  draw(room, name => `Sheet “${short(name ?? '', 100)}”`);
  return room.all();
}

/** The words of a document or of slides; nothing of how it looks. */
export async function renderWords(given: Given, entries: readonly ZipEntry[]): Promise<Part[]> {
  const room = new Room(given.limits);
  const found = findingFlags(given.report);
  for (const entry of entries.filter(hasWords)) {
    const all = split(wordsIn(await partText(given.source, entry, given.limits.held)));
    const flag = (line: number) => {
      const one = found.get(`${line}:1`);
      return one && all[line - 1]?.includes(one.value.slice(0, 20)) ? one : undefined;
    };
    room.add(left =>
      lines(`Words of ${short(entry.name, 100)}, without their layout`, all, {
        limits: given.limits,
        room: left,
        flag,
      }),
    );
  }
  return room.all();
}

export async function renderParquet(given: Given): Promise<Part[]> {
  const { report, limits } = given;
  const room = new Room(limits);
  const sheet = new Sheet(report, limits);
  const beside: string[] = [];
  const { said } = await readParquet(given.source, 1_000_000, sheet.rows(), (value, name) =>
    beside.push(`${name}: ${value}`),
  );
  room.add(left => sheet.part(`Table of ${pluralise(said, 'row')}`, left));
  if (beside.length > 0)
    room.add(left => lines('What it says beside its rows', beside.flatMap(split), { limits, room: left }));
  return room.all();
}

/** The tables in a JSON file as the checks see them, then the file itself. */
export async function json(given: Given, perLine: boolean): Promise<Part[]> {
  const { limits, report } = given;
  const room = new Room(limits);
  const { table, draw } = sheets(given);
  const bytes = await all(given.source.stream(), limits.held);
  const value = perLine ? undefined : parseJson(bytes);
  if (perLine) await checkLines(given.source, table);
  else jsonTables(value, table, { line: () => {} });
  draw(room, name => (name === undefined ? 'Table, a record a line' : `Table at ${short(name, 100)}`));
  const raw = decodeText(bytes.subarray(0, limits.text), bytes.length <= limits.text).text;
  // Written on one line it could not be read; reformatted it shows no key that is there twice, so both are shown.
  if (value !== undefined && split(raw).some(line => line.length > limits.line))
    room.add(left =>
      lines('The same, reformatted', split(JSON.stringify(value, null, 1).slice(0, limits.text)), {
        limits,
        room: left,
      }),
    );
  // Its findings name rows of its tables, which are no lines of the file.
  room.add(left =>
    text(bytes.subarray(0, limits.text), bytes.length <= limits.text, report && { ...report, findings: [] }, {
      ...limits,
      html: left,
    }),
  );
  return room.all();
}

/** What a model is made of, and what it says of itself; never a weight. */
export async function renderModel(given: Given): Promise<Part[]> {
  const { limits } = given;
  const { tensors, metadata } = await readSafetensors(given.source, given.size);
  const room = new Room(limits);
  if (metadata !== undefined)
    room.add(left =>
      lines('What the model says of itself', split(JSON.stringify(metadata, null, 1)), { limits, room: left }),
    );
  const most = { ...limits, rows: 2000 };
  const sheet = new Sheet(undefined, most);
  const rows = sheet.rows();
  rows.text(['tensor', 'type', 'shape', 'numbers'], 1);
  let all = 0;
  for (const [index, { name, type, shape }] of tensors.entries()) {
    const count = shape.reduce((product: number, side) => product * Number(side), 1);
    all += count;
    rows.text([name, type, shape.join(' × '), String(count)], index + 2);
  }
  room.add(left => sheet.part(`${pluralise(tensors.length, 'tensor')} of ${pluralise(all, 'number')}`, left));
  return [...room.all(), { html: '', left: ['Its weights: what a model remembers of people, no page can show.'] }];
}
