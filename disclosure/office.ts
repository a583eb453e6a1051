import { checkZipEntries } from './archive.ts';
import { UnreadableError } from './bytes.ts';
import { type Findings, quoteForFinding } from './findings.ts';
import type { FormatInput } from './format.ts';
import { MarkupTableReader, SLIDE_TAGS, WORD_TAGS } from './markup.ts';
import { readPartText } from './office-part.ts';
import type { RowSink } from './row-sink.ts';
import { checkTextLines } from './text.ts';
import { findXmlElements, readXmlAttribute, unescapeXml } from './xml.ts';
import { readZipDirectory, type ZipEntry } from './zip.ts';

const mostTables = 500;
/**
 * Checks what office files have in common, part by part: what runs, what points outside, what says who wrote it. Returns
 * the parts, unless nobody should unpack them.
 */
export async function checkOfficePackage({ file, source, findings }: FormatInput): Promise<ZipEntry[] | undefined> {
  const entries = await readZipDirectory(source);
  checkZipEntries(entries, file.size, findings, false);
  if (findings.has('archive.unsafe')) return undefined;
  const partsNamed = (pattern: RegExp) => entries.filter(({ name }) => pattern.test(name));
  const report = (rule: 'office.macros' | 'office.embedded' | 'office.comments', pattern: RegExp, message: string) => {
    const parts = partsNamed(pattern);
    if (findings.runs(rule) && parts.length > 0)
      findings.add(rule, `${message} (${quoteForFinding(parts[0]?.name ?? '')}).`, [], parts.length);
  };
  report(
    'office.macros',
    /vbaProject\.bin$|vbaData\.xml$|macrosheets\/|\.bin$(?<!printerSettings\d*\.bin)(?<!oleObject\d*\.bin)|xl\/dialogsheets\//i,
    'It holds macros or other programs',
  );
  report(
    'office.embedded',
    /(^|\/)(embeddings|activeX|model|ctrlProps|customData)\/|oleObject|xl\/(pivotCache|connections|queryTables|externalLinks|slicerCaches)\b|customXml\/item\d/i,
    'It holds an embedded file, a data connection, custom XML or the data behind a pivot table',
  );
  report(
    'office.comments',
    /(^|\/)(comments|threadedComments|persons)[^/]*(\/|\.xml$)|word\/people\.xml$/i,
    'It has comments or names of commenters',
  );
  const media = partsNamed(/\/media\//);
  if (media.length > 0 && findings.runs('image.metadata'))
    findings.add(
      'image.metadata',
      'It has pictures in it, which are not checked one by one. Submit them as files of their own.',
      [],
      media.length,
    );
  for (const entry of partsNamed(/\.rels$/i)) relations(await readPartText(source, entry), findings);
  for (const entry of partsNamed(/^docProps\/(core|app|custom)\.xml$/i))
    properties(await readPartText(source, entry), findings);
  for (const entry of partsNamed(/^\[Content_Types\]\.xml$/i))
    if (/macroEnabled|vbaProject/i.test(await readPartText(source, entry)) && findings.runs('office.macros'))
      findings.add('office.macros', 'It says of itself that it has macros.');
  return entries;
}

function relations(xml: string, findings: Findings): void {
  if (!findings.runs('office.external')) return;
  for (const { attributes: tag } of findXmlElements(xml, 'Relationship'))
    if (readXmlAttribute(tag, 'TargetMode') === 'External' && !readXmlAttribute(tag, 'Type')?.endsWith('/hyperlink'))
      findings.add(
        'office.external',
        `It loads something from outside: “${quoteForFinding(readXmlAttribute(tag, 'Target') ?? '')}”.`,
      );
}

function properties(xml: string, findings: Findings): void {
  if (!findings.runs('office.properties')) return;
  for (const [, name = '', value = ''] of xml.matchAll(
    /<(dc:creator|cp:lastModifiedBy|Manager|Company|dc:description|cp:keywords|vt:lpwstr)[^<>]*>([^<]+)</g,
  ))
    if (!/^(Apache POI|openpyxl|xlsxwriter|Microsoft Office User|python-docx)?$/i.test(value.trim()))
      findings.add(
        'office.properties',
        `Its properties say “${quoteForFinding(unescapeXml(value), 40)}” (${name}). Remove them.`,
      );
}

/** Whether a part is one of those that have a document's words. */
export const isTextPart = ({ name }: Pick<ZipEntry, 'name'>): boolean =>
  /^(word\/(document|header\d*|footer\d*|footnotes|endnotes)|ppt\/(slides|notesSlides)\/[^/]+)\.xml$/i.test(name);

/** The words of a part, a paragraph or a table's row a line. */
export const extractPartText = (xml: string): string =>
  unescapeXml(xml.replace(/<\/(w:p|a:p|w:tr|a:tr)>/g, '\n').replace(/<[^<>]*>/g, ' '));

/** Checks a document or slides: the words and tables of every part, and what is hidden among them. */
export async function checkOfficeText(input: FormatInput): Promise<void> {
  const entries = await checkOfficePackage(input);
  if (!entries) return;
  for (const entry of entries.filter(isTextPart)) await checkPartText(entry, input);
  const notes = entries.filter(({ name }) => name.startsWith('ppt/notesSlides/')).length;
  if (input.findings.runs('office.hidden') && notes > 0)
    input.findings.add('office.hidden', 'Slides have notes, which a reader of the slides does not see.', [], notes);
}

async function checkPartText(entry: ZipEntry, { source, findings, newTable }: FormatInput): Promise<void> {
  const xml = await readPartText(source, entry, 64 * 2 ** 20);
  if (findings.runs('office.hidden') && /<w:(vanish|del|ins|moveFrom)\b(?! w:val="(0|false)")/.test(xml))
    findings.add(
      'office.hidden',
      'It has hidden text or tracked changes, which a reader may not see. Accept or remove them.',
    );
  if (findings.runs('office.external') && /\b(DDEAUTO|DDE|INCLUDETEXT|INCLUDEPICTURE)\b/.test(xml))
    findings.add('office.external', 'A field in its text loads something from outside.');
  const text = extractPartText(xml);
  checkTextLines(text.split('\n'), findings);
  let count = 0;
  const unread = (reason: string) =>
    findings.unjudged(
      'sdc.not-run',
      `Tables in its text are not all judged: ${reason}. Submit tables as files of their own.`,
    );
  const next = (): RowSink | undefined => {
    if (++count <= mostTables) return newTable(entry.name);
    unread(`a part has more than ${mostTables}`);
    return undefined;
  };
  const tables = new MarkupTableReader(entry.name.startsWith('word/') ? WORD_TAGS : SLIDE_TAGS, next, unread);
  tables.feed(xml);
  tables.end();
  if (text.length === 0) throw new UnreadableError('it has no text');
}
