import { MAX_COLUMNS } from './csv-tokenizer.ts';
import type { RowSink } from './row-sink.ts';

/** How a kind of markup calls a table, its rows and their cells. */
export interface TableTags {
  readonly table: string;
  readonly row: string;
  readonly cells: readonly string[];
  /** What may hold data that no table shows. */
  readonly data?: string;
  /** Its text has entities. */
  readonly isHtml?: boolean;
}
export const WORD_TAGS: TableTags = { table: 'w:tbl', row: 'w:tr', cells: ['w:tc'] };
export const SLIDE_TAGS: TableTags = { table: 'a:tbl', row: 'a:tr', cells: ['a:tc'] };
export const HTML_TAGS: TableTags = { table: 'table', row: 'tr', cells: ['td', 'th'], isHtml: true };
/** A page of its own: in a notebook or Markdown scripts do not run. */
export const HTML_PAGE_TAGS: TableTags = { ...HTML_TAGS, data: 'script' };

const unescapeHtml = (text: string): string =>
  text.replace(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(lt|gt|amp|quot|apos|nbsp|thinsp|ensp|emsp));/gi,
    (whole, decimal, hex, name) => {
      const point = decimal ? Number(decimal) : hex ? Number.parseInt(hex, 16) : undefined;
      if (point !== undefined) return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
      return { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }[String(name).toLowerCase()] ?? ' ';
    },
  );

/** A table that is read: the cells of its last row so far, and the text of the last of them. */
interface Open {
  table: RowSink | undefined;
  row: string[];
  cell: string | undefined;
  span: number;
  number: number;
}

const deepest = 20;
const longestTag = 4096;
const longestCell = 1 << 15;
const tag = /^<\/?([a-z][^\s>/]{0,40})(?=[\s>/])((?:"[^"]*"|'[^']*'|[^"'>])*)>/i;

/**
 * Tables of a page as its text passes: of HTML, whose rows and cells need no ends, and of office files. What cannot be read
 * is reported to `unread`; memory holds one row.
 */
export class MarkupTableReader {
  readonly #tags: TableTags;
  readonly #newTable: () => RowSink | undefined;
  readonly #unread: (reason: string) => void;
  readonly #open: Open[] = [];
  #rest = '';
  #scannedLength = 0;
  #inComment = false;
  /** The mark of a note behind a number is no digit of it. */
  #isRaised = false;

  constructor(tags: TableTags, newTable: () => RowSink | undefined, unread: (reason: string) => void) {
    this.#tags = tags;
    this.#newTable = newTable;
    this.#unread = unread;
  }

  feed(text: string): void {
    const length = this.#rest.length + text.length;
    const isWaiting = !text.includes('>') || (this.#rest.length > 512 && length < 2 * this.#scannedLength);
    // A tag whose end has not come is not looked through again for every line.
    if (this.#rest !== '' && length <= longestTag && isWaiting) {
      this.#rest += text;
      return;
    }
    const buffer = this.#rest + text;
    this.#rest = '';
    let offset = 0;
    for (;;) {
      if (this.#inComment) {
        const end = buffer.indexOf('-->', offset);
        if (end < 0) {
          this.#rest = buffer.slice(-2);
          return;
        }
        this.#inComment = false;
        offset = end + 3;
      }
      const open = buffer.indexOf('<', offset);
      this.text(buffer.slice(offset, open < 0 ? undefined : open));
      if (open < 0) return;
      const end = this.#markup(buffer, open);
      if (end === undefined) {
        this.#keep(buffer.slice(open));
        return;
      }
      offset = end;
    }
  }

  end(): void {
    const rest = this.#rest;
    this.#rest = '';
    this.feed(rest);
    while (this.#open.length > 0) this.#close();
  }

  /** Reads a tag, or how a comment begins, and returns where it ends; undefined while its end has not come. */
  #markup(buffer: string, open: number): number | undefined {
    if (buffer.startsWith('<!--', open)) {
      this.#inComment = true;
      return open + 4;
    }
    const [whole, name, attributes] = tag.exec(buffer.slice(open, open + longestTag)) ?? [];
    if (whole !== undefined && name !== undefined) {
      const span = Number(/\b(?:col|grid)span\s*=\s*["']?(\d{1,4})/i.exec(attributes ?? '')?.[1] ?? 1);
      this.tag(name.toLowerCase(), whole[1] === '/', span);
      return open + whole.length;
    }
    if (/^<(\/?[a-z]|!-?-?$|\/?$)/i.test(buffer.slice(open, open + 5))) return undefined;
    this.text('<');
    return open + 1;
  }

  #keep(rest: string): void {
    this.#scannedLength = rest.length;
    if (rest.length <= longestTag) this.#rest = rest;
    else if (this.#open.length > 0 || /<table/i.test(rest)) this.#unread('a tag in it does not end');
  }

  text(text: string): void {
    const top = this.#open.at(-1);
    if (!top || top.cell === undefined || text === '' || (this.#isRaised && /\S/.test(top.cell))) return;
    if (top.cell.length + text.length > longestCell) this.#unread('a cell of it is too long');
    else top.cell += text;
  }

  /** Takes a tag by its lower-case name (of office files as it is written), and over how many columns its cell goes. */
  tag(name: string, closes: boolean, span: number): void {
    const { table, row, cells, data } = this.#tags;
    if (name === data && !closes) this.#unread('its scripts may hold data');
    if (name === table && !closes) {
      if (this.#open.length < deepest)
        this.#open.push({ table: undefined, row: [], cell: undefined, span: 1, number: 0 });
      else this.#unread('its tables are nested too deep');
      return;
    }
    const top = this.#open.at(-1);
    if (!top) return;
    if (name === table) this.#close();
    else if (name === 'sup') this.#isRaised = !closes;
    else if (name === row) this.#endRow(top);
    else if (cells.includes(name)) {
      this.#endCell(top);
      if (closes) return;
      top.cell = '';
      top.span = Math.min(100, Math.max(1, span || 1));
    } else if (/^(br|p|div|w:p|w:br|w:tab|a:p|a:br)$/.test(name) && top.cell) this.text(' ');
    else if (name === 'w:gridSpan') top.span = Math.min(100, Math.max(1, span || 1));
  }

  #endCell(top: Open): void {
    if (top.cell === undefined) return;
    if (top.row.length >= MAX_COLUMNS) this.#unread('it has too many columns');
    else top.row.push((this.#tags.isHtml ? unescapeHtml(top.cell) : top.cell).replace(/\s+/g, ' ').trim());
    for (let column = 1; column < top.span && top.row.length < MAX_COLUMNS; column++) top.row.push('');
    top.cell = undefined;
    top.span = 1;
    this.#isRaised = false;
  }

  #endRow(top: Open): void {
    this.#endCell(top);
    if (top.row.length === 0) return;
    top.number++;
    top.table ??= this.#newTable();
    top.table?.text(top.row, top.number);
    top.row = [];
  }

  #close(): void {
    const top = this.#open.pop();
    if (!top) return;
    this.#endRow(top);
    top.table?.end();
  }
}

/** The tables of a page that is held whole. */
export function readHtmlTables(
  html: string,
  newTable: () => RowSink,
  unread: (reason: string) => void = () => {},
): void {
  const tables = new MarkupTableReader(HTML_TAGS, newTable, unread);
  tables.feed(html);
  tables.end();
}
