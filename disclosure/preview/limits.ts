/** Where a page starts, each counted from 1, so that a reviewer can page through what another page leaves out. */
export interface PageStart {
  /** A part of the file, such as a sheet or a notebook's cell. */
  readonly part: number;
  /** A row of each table, or a line of each text. */
  readonly row: number;
  readonly column: number;
  /** A character of each cell and line. */
  readonly character: number;
}

/** What a preview takes in and gives out at most, so that no file can make one that is slow, large or endless. */
export interface PageLimits {
  readonly start: PageStart;
  readonly rows: number;
  readonly columns: number;
  /** Characters of a cell. */
  readonly cell: number;
  readonly lines: number;
  /** Characters of a line. */
  readonly line: number;
  /** Bytes of a table that are looked through for flagged cells. */
  readonly bytes: number;
  /** Bytes of a text, */
  readonly text: number;
  /** of a picture's file, which is decoded whole, */
  readonly image: number;
  /** and of any other file that is read whole. */
  readonly held: number;
  /** A picture's pixels: what it may unfold to. */
  readonly pixels: number;
  /** The most pixels of a picture as it is shown; a larger one is shrunk. */
  readonly shown: number;
  /** Parts of a page: sheets, a notebook's cells and outputs, a document's parts. */
  readonly parts: number;
  /** Bytes of the HTML that a table, text or picture becomes, about: the answer of a Lambda holds 6 MB, as JSON. */
  readonly html: number;
}

export const DEFAULT_PAGE_LIMITS: PageLimits = {
  start: { part: 1, row: 1, column: 1, character: 1 },
  rows: 200,
  columns: 40,
  cell: 200,
  lines: 3000,
  line: 600,
  bytes: 64 * 1024 ** 2,
  text: 2 * 1024 ** 2,
  image: 20 * 1024 ** 2,
  held: 64 * 1024 ** 2,
  pixels: 25_000_000,
  shown: 2_000_000,
  parts: 300,
  html: 2_500_000,
};
