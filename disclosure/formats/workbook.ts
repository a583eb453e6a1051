import type { ByteSource } from '../byte-source.ts';
import { UnreadableError } from '../bytes.ts';
import { MAX_COLUMNS } from '../csv-tokenizer.ts';
import { type Findings, quoteForFinding } from '../findings.ts';
import { ALL_TIERS, type Format, type FormatCheck } from '../format.ts';
import { finishPackage, type OfficePackage, openOfficePackage } from '../office.ts';
import { NOTHING_SHOWN } from '../office-inventory.ts';
import { readPart } from '../office-part.ts';
import type { RowSink } from '../row-sink.ts';
import type { XmlHandler } from '../xml-reader.ts';
import type { ZipEntry } from '../zip.ts';

export const workbookFormat: Format = {
  type: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  tiers: ALL_TIERS,
  extensions: ['xlsx'],
  part: 'xl/workbook.xml',
  kinds: ['table'],
};

export const checkWorkbook: FormatCheck = async input => {
  const office = await openOfficePackage(input);
  if (!office) return;
  const { findings, newTable } = input;
  const visibleParts = await readSheets(office.entries, office.read, findings, newTable, office.inventory);
  await finishPackage(office, input, entry => visibleParts.has(entry));
};

/** Strings that sheets share are held whole; a table for release has few. */
const MAX_STRING_BYTES = 32 * 2 ** 20;
/** A cell of a spreadsheet has no more characters than this, and the cells of a workbook to be read come to no more. */
const MAX_CELL_LENGTH = 32_767;
const MAX_TEXT_LENGTH = 64 * 2 ** 20;
/** Spreadsheets allow 31 letters; every finding has the name with each of its cells. */
const MAX_NAME_LENGTH = 100;

type SheetFindings = Pick<Findings, 'runs' | 'add'>;
type PartReader = OfficePackage['read'];
type Attributes = Readonly<Record<string, string>>;

const isOn = (value: string | undefined) => /^(1|true|on)$/.test(value?.trim() ?? '');

/** `C7` → 2, the column from 0. */
function columnOf(reference: string): number {
  let column = 0;
  for (const letter of /^[A-Z]{1,3}/.exec(reference)?.[0] ?? '') column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}

/** Every sheet of a workbook as a table, to be shown: nothing is judged. */
export const readWorkbookSheets = async (
  source: ByteSource,
  entries: readonly ZipEntry[],
  findings: SheetFindings,
  table: (sheet: string) => RowSink,
): Promise<void> => {
  const read: PartReader = async (entry, _, handler = {}, maxBytes) => {
    const open = (name: string, attributes: Attributes) => handler.open?.(name, attributes);
    const close = (name: string) => handler.close?.(name);
    await readPart(source, entry, { open, close, text: text => handler.text?.(text) }, maxBytes);
  };
  await readSheets(entries, read, findings, table);
};

/** What a workbook says of its sheets. */
async function readSheetList(workbook: ZipEntry, read: PartReader, hide: (message: string, sheet: string) => void) {
  const sheets: Attributes[] = [];
  const isSheetName = (element: string, key: string) => element === 'sheet' && key === 'name';
  await read(
    workbook,
    { ...NOTHING_SHOWN, attribute: isSheetName },
    {
      open: (name, attributes) => {
        if (name === 'sheet') sheets.push(attributes);
        if (name === 'definedName' && isOn(attributes.hidden)) hide('A defined name is hidden', 'workbook');
      },
    },
  );
  return sheets;
}

/** Strings by index, with those that some cell shows. */
class SharedStrings implements XmlHandler {
  readonly texts: string[] = [];
  readonly shown = new Set<number>();
  #text: CellText | undefined;

  open(name: string): void {
    if (name === 'si') this.#text = new CellText();
    this.#text?.open(name);
  }
  close(name: string): void {
    if (name === 'si') this.texts.push(this.#text?.value ?? '');
    this.#text?.close(name);
  }
  text(text: string): void {
    this.#text?.text(text);
  }
}

/** The text of a cell in pieces, without the reading aids of Japanese. */
class CellText {
  value = '';
  #isText = false;
  #isAid = false;
  open(name: string): void {
    if (name === 't') this.#isText = true;
    if (name === 'rPh') this.#isAid = true;
  }
  close(name: string): void {
    if (name === 't') this.#isText = false;
    if (name === 'rPh') this.#isAid = false;
  }
  text(text: string): void {
    if (this.#isText && !this.#isAid) this.value += text;
    if (this.value.length > MAX_CELL_LENGTH)
      throw new UnreadableError(`a cell has more than ${MAX_CELL_LENGTH} characters`);
  }
}

/** Reads the list of sheets, the strings and every sheet. Returns the parts that were read. */
async function readSheets(
  entries: readonly ZipEntry[],
  read: PartReader,
  findings: SheetFindings,
  table: (sheet: string) => RowSink,
  inventory?: OfficePackage['inventory'],
): Promise<Set<ZipEntry>> {
  const parts = new Map(entries.map(entry => [entry.name.toLowerCase(), entry]));
  const workbook = parts.get('xl/workbook.xml');
  if (!workbook) throw new UnreadableError('it has no workbook');
  const readParts = new Set<ZipEntry>([workbook]);
  const hide = (message: string, sheet: string, rows?: RowSink) => {
    rows?.hidden?.(message);
    if (findings.runs('office.hidden'))
      findings.add('office.hidden', `${message} (“${quoteForFinding(sheet, 40)}”). Show or remove it.`);
  };
  const sheets = await readSheetList(workbook, read, hide);
  const targets = new Map<string, string>();
  const links = parts.get('xl/_rels/workbook.xml.rels');
  if (links)
    await read(links, undefined, {
      open: (_, { Id = '', Target = '' }) => void targets.set(Id, Target),
    });
  const strings = new SharedStrings();
  const stringsPart = parts.get('xl/sharedstrings.xml');
  if (stringsPart) {
    await read(stringsPart, { text: name => name === 't' }, strings, MAX_STRING_BYTES);
    readParts.add(stringsPart);
  }
  const budget = { length: 0 };
  for (const attributes of sheets) {
    const { name = '', state = '' } = attributes;
    if (name.length > MAX_NAME_LENGTH)
      throw new UnreadableError(`the name of a sheet has more than ${MAX_NAME_LENGTH} letters`);
    const target = targets.get(attributes['r:id'] ?? '') ?? '';
    const entry = parts.get((target.startsWith('/') ? target.slice(1) : `xl/${target}`).toLowerCase());
    const rows = entry && table(name);
    if (/^(veryH|h)idden$/.test(state)) hide('A sheet is hidden', name, rows);
    if (!rows) continue;
    readParts.add(entry);
    const sheet = new SheetReader(rows, strings, findings, message => hide(message, name, rows), budget);
    await read(entry, { text: element => /^(v|t|f)$/.test(element) }, sheet, Number.MAX_SAFE_INTEGER);
    rows.end();
  }
  for (const entry of entries)
    if (/^xl\/worksheets\/[^/]+\.xml$/i.test(entry.name) && !readParts.has(entry))
      hide('A sheet is in the file but not in its list', entry.name);
  for (const [index, text] of strings.texts.entries())
    if (inventory && !strings.shown.has(index)) inventory.judgeUnseenText(text, 'strings that no cell shows');
  return readParts;
}

/** Reads a sheet row by row; what is hidden in it is a finding. */
class SheetReader implements XmlHandler {
  readonly #table: RowSink;
  readonly #strings: SharedStrings;
  readonly #findings: SheetFindings;
  readonly #hide: (message: string) => void;
  readonly #budget: { length: number };
  #number = 0;
  #cells: string[] = [];
  #cell: { readonly column: number; readonly type: string; readonly text: CellText } | undefined;
  #element = '';
  #value = '';
  #formula = '';

  constructor(
    table: RowSink,
    strings: SharedStrings,
    findings: SheetFindings,
    hide: (message: string) => void,
    budget: { length: number },
  ) {
    this.#table = table;
    this.#strings = strings;
    this.#findings = findings;
    this.#hide = hide;
    this.#budget = budget;
  }

  open(name: string, attributes: Attributes): void {
    this.#element = name;
    this.#cell?.text.open(name);
    if ((name === 'col' || name === 'row') && isOn(attributes.hidden))
      this.#hide(name === 'col' ? 'Columns are hidden' : 'Rows are hidden');
    if ((name === 'sheetFormatPr' || name === 'row') && isOn(attributes.zeroHeight)) this.#hide('Rows are hidden');
    if (name === 'row') {
      const number = Number(attributes.r ?? this.#number + 1);
      if (!(number > this.#number && /^\d{1,7}$/.test(attributes.r ?? '1')))
        throw new UnreadableError('its rows are not in order');
      this.#number = number;
      this.#cells = [];
    } else if (name === 'c') {
      const column = columnOf(attributes.r ?? '');
      const isPlace = column >= 0 && column < MAX_COLUMNS;
      if (!isPlace && this.#cells.length >= MAX_COLUMNS)
        throw new UnreadableError(`a row has more than ${MAX_COLUMNS} columns`);
      if (attributes.r !== undefined && !(isPlace && attributes.r.replace(/^[A-Z]+/, '') === String(this.#number)))
        throw new UnreadableError('a cell is not where it says');
      this.#cell = { column: isPlace ? column : this.#cells.length, type: attributes.t ?? '', text: new CellText() };
      this.#value = '';
      this.#formula = '';
    }
  }

  text(text: string): void {
    this.#cell?.text.text(text);
    if (this.#element === 'v') this.#value += text;
    else if (this.#element === 'f') this.#formula += text;
    if (this.#value.length + this.#formula.length > 2 * MAX_CELL_LENGTH)
      throw new UnreadableError(`a cell has more than ${MAX_CELL_LENGTH} characters`);
  }

  close(name: string): void {
    this.#cell?.text.close(name);
    this.#element = '';
    if (name === 'c') this.#endCell();
    else if (name === 'row' && this.#cells.some(text => text !== '')) this.#table.text(this.#cells, this.#number);
  }

  #endCell(): void {
    if (!this.#cell) return;
    const { column, type, text } = this.#cell;
    const index = type === 's' && this.#value !== '' ? Number(this.#value) : -1;
    if (type === 's' && !/^(\d{1,8})?$/.test(this.#value)) throw new UnreadableError('a cell has no text');
    if (index >= 0) this.#strings.shown.add(index);
    while (this.#cells.length < column) this.#cells.push('');
    const content = type === 's' ? (this.#strings.texts[index] ?? '') : type === 'inlineStr' ? text.value : this.#value;
    this.#cells[column] = content;
    this.#budget.length += content.length;
    if (this.#budget.length > MAX_TEXT_LENGTH) throw new UnreadableError('its cells come to more than 64 MB of text');
    if (this.#formula !== '') this.#table.formula?.(this.#number, column + 1, this.#formula);
    if (/\[\d+\]|WEBSERVICE|IMPORT|DDE|cmd\|/i.test(this.#formula) && this.#findings.runs('office.external'))
      this.#findings.add('office.external', 'A formula reads from outside the workbook. Put its value in its place.');
    this.#cell = undefined;
  }
}
