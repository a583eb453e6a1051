import type { ByteSource } from './byte-source.ts';
import { Unreadable } from './bytes.ts';
import { mostColumns } from './csv-tokenizer.ts';
import { type Findings, quoted } from './findings.ts';
import { partText } from './office-part.ts';
import type { Rows } from './row-sink.ts';
import { attribute, elements, plainSheet, plainXml, unescapeXml } from './xml.ts';
import { type ZipEntry, zipContent } from './zip.ts';

/** Strings that sheets share are held whole; a table for release has few. */
const mostStrings = 32 * 2 ** 20;
const longestRow = 4 * 2 ** 20;
/** Spreadsheets allow 31 letters; every finding has the name with each of its cells. */
const longestName = 100;

const textsOf = (xml: string): string => {
  const phonetic = [...elements(xml, 'rPh')].flatMap(({ body }) => [...elements(body, 't')]).length;
  const texts = [...elements(xml, 't')].map(({ body }) => unescapeXml(body));
  return texts.slice(0, texts.length - phonetic).join('');
};

const isOn = (tag: string, name = 'hidden') => /^(1|true|on)$/.test(attribute(tag, name)?.trim() ?? '');
const someOn = (xml: string, element: string, name?: string) =>
  [...elements(xml, element)].some(({ attributes: tag }) => isOn(tag, name));

/** `C7` → 2, the column from 0. */
function columnOf(reference: string): number {
  let column = 0;
  for (const letter of /^[A-Z]{1,3}/.exec(reference)?.[0] ?? '') column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}

/** Every sheet of a workbook as a table, row by row from the unpacked stream; what is hidden in it is a finding. */
export async function checkSheets(
  source: ByteSource,
  entries: readonly ZipEntry[],
  findings: Pick<Findings, 'runs' | 'add'>,
  table: (sheet: string) => Rows,
): Promise<void> {
  const part = (name: string) => entries.find(entry => entry.name.toLowerCase() === name.toLowerCase());
  const workbook = part('xl/workbook.xml');
  if (!workbook) throw new Unreadable('it has no workbook');
  const xml = plainSheet(await partText(source, workbook));
  const links = part('xl/_rels/workbook.xml.rels');
  const targets = new Map<string, string>();
  if (links)
    for (const { attributes: tag } of elements(await partText(source, links), 'Relationship'))
      targets.set(attribute(tag, 'Id') ?? '', attribute(tag, 'Target') ?? '');
  const strings = part('xl/sharedStrings.xml');
  const shared = strings
    ? [...elements(plainSheet(await partText(source, strings, mostStrings)), 'si')].map(({ body }) => textsOf(body))
    : [];
  const hidden = (says: string, sheet: string, rows?: Rows) => {
    rows?.hidden?.(says);
    if (findings.runs('office.hidden'))
      findings.add('office.hidden', `${says} (“${quoted(sheet, 40)}”). Show or remove it.`);
  };
  if (someOn(xml, 'definedName')) hidden('A defined name is hidden', 'workbook');
  const listed = new Set<string>();
  for (const { attributes: tag } of elements(xml, 'sheet')) {
    const name = attribute(tag, 'name') ?? '';
    if (name.length > longestName) throw new Unreadable(`the name of a sheet has more than ${longestName} letters`);
    const target = targets.get(attribute(tag, 'r:id') ?? '') ?? '';
    const path = target.startsWith('/') ? target.slice(1) : `xl/${target}`;
    const entry = part(path);
    const rows = entry && table(name);
    if (/^(veryH|h)idden$/.test(attribute(tag, 'state') ?? '')) hidden('A sheet is hidden', name, rows);
    if (!rows) continue;
    listed.add(entry.name);
    await checkSheet(source, entry, shared, findings, rows, says => hidden(says, name, rows));
  }
  for (const { name } of entries)
    if (/^xl\/worksheets\/[^/]+\.xml$/i.test(name) && !listed.has(name))
      hidden('A sheet is in the file but not in its list', name);
}

async function checkSheet(
  source: ByteSource,
  entry: ZipEntry,
  shared: readonly string[],
  findings: Pick<Findings, 'runs' | 'add'>,
  table: Rows,
  hidden: (says: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  let number = 0;
  let before = true;
  const row = (tag: string, body: string) => {
    number = Number(attribute(tag, 'r') ?? number + 1);
    if (isOn(tag) || isOn(tag, 'zeroHeight')) hidden('Rows are hidden');
    const cells: string[] = [];
    for (const { attributes: cell, body: content } of elements(body, 'c')) {
      const column = columnOf(attribute(cell, 'r') ?? '');
      const at = column >= 0 && column < mostColumns ? column : cells.length;
      const [raw] = [...elements(content, 'v')].map(({ body }) => body);
      const type = attribute(cell, 't');
      while (cells.length < at) cells.push('');
      cells[at] =
        type === 's' ? (shared[Number(raw)] ?? '') : type === 'inlineStr' ? textsOf(content) : unescapeXml(raw ?? '');
      const formulas = [...elements(content, 'f')].map(({ body }) => body);
      if (formulas[0] !== undefined) table.formula?.(number, at + 1, unescapeXml(formulas[0]));
      if (
        formulas.some(formula => /\[\d+\]|WEBSERVICE|IMPORT|DDE|cmd\|/i.test(formula)) &&
        findings.runs('office.external')
      )
        findings.add('office.external', 'A formula reads from outside the workbook. Put its value in its place.');
    }
    if (cells.some(text => text !== '')) table.text(cells, number);
  };
  for await (const piece of zipContent(source, entry, Number.MAX_SAFE_INTEGER)) {
    rest += decoder.decode(piece, { stream: true });
    if (before) {
      const data = rest.indexOf('<sheetData');
      const start = plainSheet(data < 0 ? rest : rest.slice(0, data + 20));
      if (someOn(start, 'col')) hidden('Columns are hidden');
      if (someOn(start, 'sheetFormatPr', 'zeroHeight')) hidden('Rows are hidden');
      before = data < 0;
    }
    let used = 0;
    for (const { attributes, body, end } of elements(rest, 'row')) {
      row(attributes, body);
      used = end;
    }
    // What lies between two rows as well: nothing is passed over.
    plainSheet(rest.slice(0, used));
    rest = rest.slice(used);
    if (!before && rest.indexOf('<') > 0) plainXml(rest.slice(0, 200));
    if (rest.length > longestRow) throw new Unreadable('a row of a sheet is longer than 4 MB');
  }
  // Behind its rows a sheet may have anything that draws them.
  const end = rest.indexOf('</sheetData');
  plainSheet(end < 0 ? rest : rest.slice(0, end));
  table.end();
}
