import { createHash } from 'node:crypto';
import { checkZipEntries } from './archive.ts';
import { readWhole, UnreadableError } from './bytes.ts';
import { type Findings, quoteForFinding } from './findings.ts';
import type { FormatInput } from './format.ts';
import { MarkupTableReader, SLIDE_TAGS, WORD_TAGS } from './markup.ts';
import { NOTHING_SHOWN, OfficeInventory, type ShownContent } from './office-inventory.ts';
import { MAX_PART_BYTES, readPart } from './office-part.ts';
import type { RowSink } from './row-sink.ts';
import { checkTextLines } from './text.ts';
import type { XmlHandler } from './xml-reader.ts';
import { readZipContent, readZipDirectory, type ZipEntry } from './zip.ts';

const MAX_PART_TABLES = 500;
const knownParts =
  /^(\[Content_Types\]\.xml|_rels\/\.rels|docProps\/(app|core)\.xml|customXml\/(_rels\/)?item(Props)?\d+\.xml(\.rels)?|(xl|word|ppt)\/(\w+\/)?_rels\/\w+\.xml\.rels|xl\/(workbook|styles|sharedStrings|calcChain)\.xml|xl\/(worksheets|theme)\/\w+\.xml|word\/(document|styles|stylesWithEffects|settings|webSettings|fontTable|numbering|(header|footer)\d*|footnotes|endnotes)\.xml|(word|ppt)\/theme\/theme\d+\.xml|ppt\/(presentation|presProps|viewProps|tableStyles)\.xml|ppt\/(slides|slideMasters|slideLayouts|notesSlides|notesMasters)\/\w+\.xml)$/i;
/** Properties that name a person or an organisation. */
const personalProperty = /^(dc:creator|cp:lastModifiedBy|Manager|Company)$/;
/** SHA-256 of binary parts that python-docx and python-pptx put into every file: a thumbnail, printer settings. */
const templateParts = new Set([
  '96367138dc44ce09bf2c8f0f8e49348a1478d2c5c0af69bbc2bbc38b63cdcead',
  '116f9aa8ea038e39ef47ee99a23592ab569cf77feafecd0a30e222369e931d25',
  'd7768f87e07d29634782e448ece1cddd05a52b9499254222b1190bc8f6dc579e',
]);
const isTemplatePart = (name: string) => /^docProps\/thumbnail\.jpeg$|printerSettings\d*\.bin$/i.test(name);

/** An office file whose parts may be unpacked. */
export interface OfficePackage {
  readonly entries: readonly ZipEntry[];
  readonly inventory: OfficeInventory;
  /** Reads a part and accounts for what is in it. `shows` says whose text of it a page shows. */
  readonly read: (
    entry: ZipEntry,
    visible?: ShownContent,
    handler?: Partial<XmlHandler>,
    maxBytes?: number,
  ) => Promise<void>;
}

/**
 * Checks what office files have in common, part by part: what runs, what points outside, what says who wrote it. Returns
 * the package, unless nobody should unpack it. The caller reads the parts that `isShown`, then calls `finishPackage`.
 */
export async function openOfficePackage({ file, source, findings }: FormatInput): Promise<OfficePackage | undefined> {
  const entries = await readZipDirectory(source);
  checkZipEntries(entries, file.size, findings, false);
  if (findings.has('archive.unsafe')) return undefined;
  const partsNamed = (pattern: RegExp) => entries.filter(({ name }) => pattern.test(name));
  const report = (
    rule: 'office.macros' | 'office.embedded' | 'office.comments',
    pattern: RegExp,
    message: string,
    remedy: string,
  ) => {
    const parts = partsNamed(pattern);
    if (findings.runs(rule) && parts.length > 0)
      findings.add(rule, `${message} (${quoteForFinding(parts[0]?.name ?? '')}). ${remedy}`, [], parts.length);
  };
  report(
    'office.macros',
    /vbaProject\.bin$|vbaData\.xml$|macrosheets\/|\.bin$(?<!printerSettings\d*\.bin)(?<!oleObject\d*\.bin)|xl\/dialogsheets\//i,
    'It holds macros or other programs',
    'Save it without them.',
  );
  report(
    'office.embedded',
    /(^|\/)(embeddings|activeX|model|ctrlProps|customData)\/|oleObject|xl\/(pivotCache|connections|queryTables|externalLinks|slicerCaches)\b/i,
    'It holds an embedded file, a data connection or the data behind a pivot table',
    'Remove it, or keep only its values.',
  );
  report(
    'office.comments',
    /(^|\/)(comments|threadedComments|persons)[^/]*(\/|\.xml$)|word\/people\.xml$/i,
    'It has comments or names of commenters',
    'Delete the comments.',
  );
  const media = partsNamed(/\/media\//);
  if (media.length > 0 && findings.runs('image.metadata'))
    findings.add(
      'image.metadata',
      'It has pictures in it, which are not checked one by one. Submit them as files of their own.',
      [],
      media.length,
    );
  const inventory = new OfficeInventory(findings);
  const read: OfficePackage['read'] = async (entry, visible = NOTHING_SHOWN, handler = {}, maxBytes) => {
    if (await readPart(source, entry, inventory.watch(entry.name, visible, handler), maxBytes))
      inventory.note(`white space in ${entry.name}`);
  };
  return { entries, inventory, read };
}

/** Reads the parts that no page shows: all of them must hold what office programs write, and nothing else. */
export async function finishPackage(
  { entries, inventory, read }: OfficePackage,
  { source, findings }: FormatInput,
  isShown: (entry: ZipEntry) => boolean,
): Promise<void> {
  for (const entry of entries.filter(part => !isShown(part))) {
    const { name } = entry;
    if (isTemplatePart(name) && entry.size < 2 ** 20) {
      const content = await readWhole(readZipContent(source, entry, 2 ** 20), 2 ** 20);
      if (!templateParts.has(createHash('sha256').update(content).digest('hex'))) inventory.note(`the part “${name}”`);
      continue;
    }
    if (!knownParts.test(name)) inventory.note(`the part “${quoteForFinding(name)}”`);
    if (!/\.(xml|rels)$/i.test(name)) continue;
    inventory.addUnseenBytes(entry.size);
    const isProperty = /^docProps\//i.test(name);
    const visible = isProperty ? { text: (element: string) => personalProperty.test(element) } : NOTHING_SHOWN;
    await read(entry, visible, createPartHandler(name, findings), MAX_PART_BYTES);
  }
  inventory.report();
}

/** What is looked for in the parts that say how others belong together, and who wrote them. */
function createPartHandler(part: string, findings: Findings): Partial<XmlHandler> {
  let element = '';
  const isProperty = /^docProps\//i.test(part);
  return {
    open: (name, attributes) => {
      element = name;
      if (/^customXml\/item\d/i.test(part) && name !== 'b:Sources' && findings.runs('office.embedded'))
        findings.add('office.embedded', 'It holds custom XML. Remove it.');
      if (name === 'Relationship' && attributes.TargetMode === 'External' && !attributes.Type?.endsWith('/hyperlink'))
        if (findings.runs('office.external'))
          findings.add(
            'office.external',
            `It loads something from outside: “${quoteForFinding(attributes.Target ?? '')}”. Put the content in its place.`,
          );
      if (/macroEnabled|vbaProject/i.test(attributes.ContentType ?? '') && findings.runs('office.macros'))
        findings.add('office.macros', 'It declares that it has macros. Save it without macros.');
    },
    text: text => {
      if (!isProperty || !personalProperty.test(element) || text.trim() === '') return;
      checkTextLines(text.split('\n'), findings);
      if (/^(Apache POI|openpyxl|xlsxwriter|Microsoft Office User|python-docx)$/i.test(text.trim())) return;
      // More than a name is no name.
      const rule = text.length > 60 ? 'office.unseen' : 'office.properties';
      if (findings.runs(rule))
        findings.add(rule, `Its properties say “${quoteForFinding(text, 40)}” (${element}). Remove them.`);
    },
  };
}

/** Whether a part is one of those that have a document's words. */
export const isTextPart = ({ name }: Pick<ZipEntry, 'name'>): boolean =>
  /^(word\/(document|header\d*|footer\d*|footnotes|endnotes)|ppt\/(slides|notesSlides)\/[^/]+)\.xml$/i.test(name);

/** Collects the words of a part: a paragraph or a table's row a line. */
export class PartWords implements XmlHandler {
  readonly #pieces: string[] = [];
  open(): void {
    this.#pieces.push(' ');
  }
  close(name: string): void {
    this.#pieces.push(/^(w:p|a:p|w:tr|a:tr)$/.test(name) ? '\n' : ' ');
  }
  text(text: string): void {
    this.#pieces.push(text);
  }
  get lines(): string[] {
    return this.#pieces.join('').split('\n');
  }
}

/** Checks a document or slides: the words and tables of every part, and what is hidden among them. */
export async function checkOfficeText(input: FormatInput): Promise<void> {
  const { findings } = input;
  const office = await openOfficePackage(input);
  if (!office) return;
  for (const entry of office.entries.filter(isTextPart)) await checkPartText(entry, office, input);
  const notes = office.entries.filter(({ name }) => name.startsWith('ppt/notesSlides/')).length;
  if (findings.runs('office.hidden') && notes > 0)
    findings.add(
      'office.hidden',
      'Slides have notes, which a reader of the slides does not see. Delete the notes.',
      [],
      notes,
    );
  await finishPackage(office, input, isTextPart);
}

async function checkPartText(entry: ZipEntry, office: OfficePackage, { findings, newTable }: FormatInput) {
  let [count, instruction, isHidden] = [0, '', false];
  const unread = (reason: string) =>
    findings.unjudged(
      'sdc.not-run',
      `Tables in its text are not all judged: ${reason}. Submit tables as files of their own.`,
    );
  const next = (): RowSink | undefined => {
    if (++count <= MAX_PART_TABLES) return newTable(entry.name);
    unread(`a part has more than ${MAX_PART_TABLES}`);
    return undefined;
  };
  const tables = new MarkupTableReader(entry.name.startsWith('word/') ? WORD_TAGS : SLIDE_TAGS, next, unread);
  const text = new PartWords();
  await office.read(
    entry,
    { text: name => /^(w:t|w:instrText|w:delText|a:t)$/.test(name) },
    {
      open: (name, attributes) => {
        if (/^w:(vanish|del|ins|moveFrom)$/.test(name) && !/^(0|false)$/.test(attributes['w:val'] ?? ''))
          isHidden = true;
        text.open();
        tables.tag(name, false, Number(attributes['w:val'] ?? attributes.gridSpan ?? 1));
      },
      close: name => {
        text.close(name);
        tables.tag(name, true, 1);
      },
      text: content => {
        text.text(content);
        tables.text(content);
        if (/\b(DDEAUTO|DDE|INCLUDETEXT|INCLUDEPICTURE)\b/.test(content)) instruction = content;
      },
    },
  );
  tables.end();
  if (findings.runs('office.hidden') && isHidden)
    findings.add(
      'office.hidden',
      'It has hidden text or tracked changes, which a reader may not see. Accept or remove them.',
    );
  if (findings.runs('office.external') && instruction !== '')
    findings.add('office.external', 'A field in its text loads something from outside. Put its value in its place.');
  checkTextLines(text.lines, findings);
  if (text.lines.length === 1 && text.lines[0] === '') throw new UnreadableError('it has no text');
}
