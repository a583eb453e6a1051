import type { ByteSource } from '../byte-source.ts';
import { readWhole } from '../bytes.ts';
import { parseJson, readJsonTables } from '../formats/json.ts';
import { readJsonLines } from '../formats/ndjson.ts';
import { readParquet } from '../formats/parquet.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { readWorkbookSheets } from '../formats/workbook.ts';
import { isTextPart, PartWords } from '../office.ts';
import { readPart } from '../office-part.ts';
import type { FileReport } from '../report.ts';
import type { RowSink } from '../row-sink.ts';
import type { ZipEntry } from '../zip.ts';
import { decodeText } from './encoding.ts';
import { pluralise, toShortHtml } from './escape.ts';
import type { PageLimits } from './limits.ts';
import type { PagePart } from './page.ts';
import { flagCells, PreviewSheet } from './sheet.ts';
import { SizeBudget } from './size-budget.ts';
import { renderLines, renderText, splitPreviewLines, takeLines } from './text.ts';

/** What all readers below are given: a file that is held, and what was found in it. */
export interface RenderInput {
  readonly source: ByteSource;
  readonly size: number;
  readonly report: FileReport | undefined;
  readonly limits: PageLimits;
}

/** The tables of a file in the order they come, each a sheet of its own. */
function sheets({ report, limits }: RenderInput) {
  const tableSheets: { name: string | undefined; sheet: PreviewSheet }[] = [];
  return {
    made: tableSheets,
    table: (name?: string) => {
      // More tables than are shown are read to the end, and forgotten.
      if (tableSheets.length >= limits.parts + limits.start.part) return NO_ROWS;
      const sheet = new PreviewSheet(report, limits, name);
      tableSheets.push({ name, sheet });
      return sheet.rows();
    },
    draw(room: SizeBudget, title: (name: string | undefined) => string) {
      for (const { name, sheet } of tableSheets) room.add(space => sheet.part(title(name), space));
    },
  };
}

/** Takes rows that nobody will see. */
export const NO_ROWS: RowSink = { text: () => {}, end: () => {} };
const silent = { runs: () => false, add: () => {} };

/** Every sheet of a workbook, the hidden ones as well, with formulas beside their values. */
export async function renderWorkbook(input: RenderInput, entries: readonly ZipEntry[]): Promise<PagePart[]> {
  const room = new SizeBudget(input.limits);
  const { table, draw } = sheets(input);
  await readWorkbookSheets(input.source, entries, silent, table);
  draw(room, name => `Sheet “${toShortHtml(name ?? '', 100)}”`);
  return room.all();
}

/** The words of a document or of slides; nothing of how it looks. */
export async function renderDocumentText(input: RenderInput, entries: readonly ZipEntry[]): Promise<PagePart[]> {
  const room = new SizeBudget(input.limits);
  const flags = flagCells(input.report);
  for (const entry of entries.filter(isTextPart)) {
    const words = new PartWords();
    await readPart(input.source, entry, words, input.limits.held);
    const { lines } = words;
    const flag = (line: number) => {
      const flag = flags.get(`${line}:1`);
      return flag && lines[line - 1]?.includes(flag.value.slice(0, 20)) ? flag : undefined;
    };
    room.add(space =>
      renderLines(`Words of ${toShortHtml(entry.name, 100)}, without their layout`, lines, {
        limits: input.limits,
        room: space,
        flag,
      }),
    );
  }
  return room.all();
}

export async function renderParquet(input: RenderInput): Promise<PagePart[]> {
  const { report, limits } = input;
  const room = new SizeBudget(limits);
  const sheet = new PreviewSheet(report, limits);
  const metadata: string[] = [];
  const { rowCount } = await readParquet(input.source, 1_000_000, sheet.rows(), (value, name) =>
    metadata.push(`${name}: ${value}`),
  );
  room.add(space => sheet.part(`Table of ${pluralise(rowCount, 'row')}`, space));
  if (metadata.length > 0)
    room.add(space =>
      renderLines('What it says beside its rows', metadata.flatMap(splitPreviewLines), { limits, room: space }),
    );
  return room.all();
}

/** The tables in a JSON file as the checks see them, then the file itself. */
export async function renderJson(input: RenderInput, perLine: boolean): Promise<PagePart[]> {
  const { limits, report } = input;
  const room = new SizeBudget(limits);
  const { table, draw } = sheets(input);
  const bytes = await readWhole(input.source.stream(), limits.held);
  const value = perLine ? undefined : parseJson(bytes);
  if (perLine) await readJsonLines(input.source, table());
  else readJsonTables(value, table, { line: () => {} });
  draw(room, name => (name === undefined ? 'Table, a record a line' : `Table at ${toShortHtml(name, 100)}`));
  const window = await takeLines([bytes], limits);
  const raw = splitPreviewLines(decodeText(window.bytes, window.whole).text);
  // Written on one line it could not be read; reformatted it shows no key that is there twice, so both are shown.
  if (value !== undefined && raw.some(line => line.length > limits.line)) {
    const pretty = await takeLines([Buffer.from(JSON.stringify(value, null, 1))], limits);
    room.add(space => renderText(pretty, undefined, { ...limits, html: space }, 'The same, reformatted'));
  }
  // Its findings name rows of its tables, which are no lines of the file.
  room.add(space => renderText(window, report && { ...report, findings: [] }, { ...limits, html: space }));
  return room.all();
}

/** What a model is made of, and what it says of itself; never a weight. */
export async function renderModel(input: RenderInput): Promise<PagePart[]> {
  const { limits } = input;
  const { tensors, metadata } = await readSafetensors(input.source, input.size);
  const room = new SizeBudget(limits);
  if (metadata !== undefined)
    room.add(space =>
      renderLines('What the model says of itself', splitPreviewLines(JSON.stringify(metadata, null, 1)), {
        limits,
        room: space,
      }),
    );
  const modelLimits = { ...limits, rows: 2000 };
  const sheet = new PreviewSheet(undefined, modelLimits);
  const rows = sheet.rows();
  rows.text(['tensor', 'type', 'shape', 'numbers'], 1);
  let numberCount = 0;
  for (const [index, { name, type, shape }] of tensors.entries()) {
    const count = shape.reduce((product: number, side) => product * Number(side), 1);
    numberCount += count;
    rows.text([name, type, shape.join(' × '), String(count)], index + 2);
  }
  room.add(space => sheet.part(`${pluralise(tensors.length, 'tensor')} of ${pluralise(numberCount, 'number')}`, space));
  return [...room.all(), { html: '', omissions: ['Its weights: what a model remembers of people, no page can show.'] }];
}
