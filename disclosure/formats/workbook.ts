import type { ByteSource } from '../byte-source.ts';
import { UnreadableError } from '../bytes.ts';
import { MAX_COLUMNS } from '../csv-tokenizer.ts';
import { type Findings, quoteForFinding } from '../findings.ts';
import type { Format } from '../format.ts';
import { checkOfficePackage } from '../office.ts';
import { readPartText } from '../office-part.ts';
import type { RowSink } from '../row-sink.ts';
import { findXmlElements, readXmlAttribute, requirePlainSheetXml, requirePlainXml, unescapeXml } from '../xml.ts';
import { readZipContent, type ZipEntry } from '../zip.ts';

export const workbookFormat: Format = {
  extensions: ['xlsx'],
  part: 'xl/workbook.xml',
  kinds: ['table'],
  async check(input) {
    const parts = await checkOfficePackage(input);
    if (parts) await readWorkbookSheets(input.source, parts, input.findings, input.newTable);
  },
};

/** Strings that sheets share are held whole; a table for release has few. */
const mostStrings = 32 * 2 ** 20;
const longestRow = 4 * 2 ** 20;
/** Spreadsheets allow 31 letters; every finding has the name with each of its cells. */
const longestName = 100;

const textsOf = (xml: string): string => {
  const phonetic = [...findXmlElements(xml, 'rPh')].flatMap(({ body }) => [...findXmlElements(body, 't')]).length;
  const texts = [...findXmlElements(xml, 't')].map(({ body }) => unescapeXml(body));
  return texts.slice(0, texts.length - phonetic).join('');
};

const isOn = (tag: string, name = 'hidden') => /^(1|true|on)$/.test(readXmlAttribute(tag, name)?.trim() ?? '');
const someOn = (xml: string, element: string, name?: string) =>
  [...findXmlElements(xml, element)].some(({ attributes: tag }) => isOn(tag, name));

/** `C7` → 2, the column from 0. */
function columnOf(reference: string): number {
  let column = 0;
  for (const letter of /^[A-Z]{1,3}/.exec(reference)?.[0] ?? '') column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}

/** Every sheet of a workbook as a table, row by row from the unpacked stream; what is hidden in it is a finding. */
export async function readWorkbookSheets(
  source: ByteSource,
  entries: readonly ZipEntry[],
  findings: Pick<Findings, 'runs' | 'add'>,
  table: (sheet: string) => RowSink,
): Promise<void> {
  const part = (name: string) => entries.find(entry => entry.name.toLowerCase() === name.toLowerCase());
  const workbook = part('xl/workbook.xml');
  if (!workbook) throw new UnreadableError('it has no workbook');
  const xml = requirePlainSheetXml(await readPartText(source, workbook));
  const links = part('xl/_rels/workbook.xml.rels');
  const targets = new Map<string, string>();
  if (links)
    for (const { attributes: tag } of findXmlElements(await readPartText(source, links), 'Relationship'))
      targets.set(readXmlAttribute(tag, 'Id') ?? '', readXmlAttribute(tag, 'Target') ?? '');
  const strings = part('xl/sharedStrings.xml');
  const shared = strings
    ? [...findXmlElements(requirePlainSheetXml(await readPartText(source, strings, mostStrings)), 'si')].map(
        ({ body }) => textsOf(body),
      )
    : [];
  const hidden = (message: string, sheet: string, rows?: RowSink) => {
    rows?.hidden?.(message);
    if (findings.runs('office.hidden'))
      findings.add('office.hidden', `${message} (“${quoteForFinding(sheet, 40)}”). Show or remove it.`);
  };
  if (someOn(xml, 'definedName')) hidden('A defined name is hidden', 'workbook');
  const sheetParts = new Set<string>();
  for (const { attributes: tag } of findXmlElements(xml, 'sheet')) {
    const name = readXmlAttribute(tag, 'name') ?? '';
    if (name.length > longestName)
      throw new UnreadableError(`the name of a sheet has more than ${longestName} letters`);
    const target = targets.get(readXmlAttribute(tag, 'r:id') ?? '') ?? '';
    const path = target.startsWith('/') ? target.slice(1) : `xl/${target}`;
    const entry = part(path);
    const rows = entry && table(name);
    if (/^(veryH|h)idden$/.test(readXmlAttribute(tag, 'state') ?? '')) hidden('A sheet is hidden', name, rows);
    if (!rows) continue;
    sheetParts.add(entry.name);
    await checkSheet(source, entry, shared, findings, rows, message => hidden(message, name, rows));
  }
  for (const { name } of entries)
    if (/^xl\/worksheets\/[^/]+\.xml$/i.test(name) && !sheetParts.has(name))
      hidden('A sheet is in the file but not in its list', name);
}

async function checkSheet(
  source: ByteSource,
  entry: ZipEntry,
  shared: readonly string[],
  findings: Pick<Findings, 'runs' | 'add'>,
  table: RowSink,
  hidden: (message: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  let number = 0;
  let message = true;
  const row = (tag: string, body: string) => {
    number = Number(readXmlAttribute(tag, 'r') ?? number + 1);
    if (isOn(tag) || isOn(tag, 'zeroHeight')) hidden('Rows are hidden');
    const cells: string[] = [];
    for (const { attributes: cell, body: content } of findXmlElements(body, 'c')) {
      const column = columnOf(readXmlAttribute(cell, 'r') ?? '');
      const isBeforeData = column >= 0 && column < MAX_COLUMNS ? column : cells.length;
      const [raw] = [...findXmlElements(content, 'v')].map(({ body }) => body);
      const type = readXmlAttribute(cell, 't');
      while (cells.length < isBeforeData) cells.push('');
      cells[isBeforeData] =
        type === 's' ? (shared[Number(raw)] ?? '') : type === 'inlineStr' ? textsOf(content) : unescapeXml(raw ?? '');
      const formulas = [...findXmlElements(content, 'f')].map(({ body }) => body);
      if (formulas[0] !== undefined) table.formula?.(number, isBeforeData + 1, unescapeXml(formulas[0]));
      if (
        formulas.some(formula => /\[\d+\]|WEBSERVICE|IMPORT|DDE|cmd\|/i.test(formula)) &&
        findings.runs('office.external')
      )
        findings.add('office.external', 'A formula reads from outside the workbook. Put its value in its place.');
    }
    if (cells.some(text => text !== '')) table.text(cells, number);
  };
  for await (const piece of readZipContent(source, entry, Number.MAX_SAFE_INTEGER)) {
    rest += decoder.decode(piece, { stream: true });
    if (message) {
      const data = rest.indexOf('<sheetData');
      const start = requirePlainSheetXml(data < 0 ? rest : rest.slice(0, data + 20));
      if (someOn(start, 'col')) hidden('Columns are hidden');
      if (someOn(start, 'sheetFormatPr', 'zeroHeight')) hidden('Rows are hidden');
      message = data < 0;
    }
    let used = 0;
    for (const { attributes, body, end } of findXmlElements(rest, 'row')) {
      row(attributes, body);
      used = end;
    }
    // What lies between two rows as well: nothing is passed over.
    requirePlainSheetXml(rest.slice(0, used));
    rest = rest.slice(used);
    if (!message && rest.indexOf('<') > 0) requirePlainXml(rest.slice(0, 200));
    if (rest.length > longestRow) throw new UnreadableError('a row of a sheet is longer than 4 MB');
  }
  // Behind its rows a sheet may have anything that draws them.
  const end = rest.indexOf('</sheetData');
  requirePlainSheetXml(end < 0 ? rest : rest.slice(0, end));
  table.end();
}
