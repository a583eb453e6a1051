import { MAX_COLUMNS } from './csv-tokenizer.ts';
import { isHeadingRow, isLabelOrNumber, isNumberCell, splitDelimitedLine } from './delimited-text.ts';
import type { Findings } from './findings.ts';
import { LatexTableReader } from './latex.ts';
import { HTML_PAGE_TAGS, HTML_TAGS, MarkupTableReader } from './markup.ts';
import type { RowSink } from './row-sink.ts';

/** Rules between rows, as of Markdown and of what statistics programs print. */
const ruled = /^[\s|+:=_-]*$/;
const cellBreak = /\s*\|\s*|\t+|\s{2,}/;
/** So much of a run is held until it is known to be a table; from there on its rows pass one by one. */
const mostHeld = { rows: 1000, characters: 2 ** 20 };
/** Texts with more tables than this are checked up to here, and say so. */
const mostTables = 500;

interface Line {
  readonly cells: string[];
  readonly number: number;
}
/** A table is judged; what may be one, and may as well be settings or sentences, is shown to somebody. */
type Verdict = 'table' | 'perhaps' | 'no';

/** Lines behind each other that are divided in the same way. */
class Run {
  readonly #verdict: (lines: readonly Line[]) => Verdict;
  readonly #newTable: () => RowSink | undefined;
  readonly #perhaps: (line: number) => void;
  #held: Line[] = [];
  #characters = 0;
  #isOpen = false;
  #table: RowSink | undefined;
  #blank = false;
  /** The width of its first line. */
  width = 0;

  constructor(
    verdict: (lines: readonly Line[]) => Verdict,
    newTable: () => RowSink | undefined,
    onPossibleTable: (line: number) => void,
  ) {
    this.#verdict = verdict;
    this.#newTable = newTable;
    this.#perhaps = onPossibleTable;
  }

  push(cells: string[], number: number): void {
    this.#blank = false;
    if (this.#isOpen) {
      this.#table?.text(cells, number);
      return;
    }
    if (this.#held.length === 0) this.width = cells.length;
    this.#held.push({ cells, number });
    this.#characters += cells.reduce((sum, cell) => sum + cell.length, 0);
    if (this.#held.length < mostHeld.rows && this.#characters < mostHeld.characters) return;
    if (this.#verdict(this.#held) === 'table') this.#start();
    // Words say nothing; the heading and the numbers wait for more.
    else this.#held = this.#held.filter(({ cells }, index) => index === 0 || cells.some(isNumberCell)).slice(0, 10);
    this.#characters = 0;
  }

  /** An empty line ends a table, and two end what may become one. */
  blank(): void {
    if (this.#isOpen || this.#blank || this.#held.length > 2) this.end();
    else this.#blank = true;
  }

  end(): void {
    if (!this.#isOpen && this.#held.length > 0) {
      const verdict = this.#verdict(this.#held);
      if (verdict === 'table') this.#start();
      else if (verdict === 'perhaps') this.#perhaps(this.#held[0]?.number ?? 1);
    }
    if (this.#isOpen) this.#table?.end();
    this.#table = undefined;
    this.#isOpen = false;
    this.#held = [];
    this.#characters = 0;
    this.#blank = false;
    this.width = 0;
  }

  #start(): void {
    const [lines, [first]] = [this.#held, this.#held];
    this.#isOpen = true;
    this.#held = [];
    this.#table = this.#newTable();
    const width = Math.max(...lines.filter(hasNumber).map(({ cells }) => cells.length));
    // R and pandas leave the heading of the rows' names out.
    for (const line of lines)
      this.#table?.text(
        line === first && line.cells.length === width - 1 ? ['', ...line.cells] : line.cells,
        line.number,
      );
  }
}

const hasNumber = ({ cells }: Line): boolean => cells.slice(1).some(isNumberCell);

/**
 * Two rows with numbers under something else are a table, one under a heading of Markdown as well; sentences are none. In
 * code numbers also stand below each other as settings do: there a table has a heading.
 */
const spaced =
  (isCode: boolean) =>
  (lines: readonly Line[]): Verdict => {
    const [first] = lines;
    if (!first || lines.length < 2) return 'no';
    const numberLines = lines.filter(hasNumber).length;
    const headed = isHeadingRow(first.cells);
    if (lines.length >= 3 && numberLines >= 2) return isCode && !headed ? 'perhaps' : 'table';
    return headed && numberLines >= 1 && lines.every(({ cells }) => cells.every(isLabelOrNumber)) ? 'perhaps' : 'no';
  };

/** Lines with the same number of commas: a table below a heading, and for somebody to see where there are three of them. */
const commas = (lines: readonly Line[]): Verdict => {
  const [first, ...rows] = lines;
  if (!first || rows.length === 0) return 'no';
  const numberRows = rows.filter(({ cells }) => cells.some(isNumberCell));
  if (isHeadingRow(first.cells) && numberRows.every(({ cells }) => cells.every(isLabelOrNumber))) {
    if (numberRows.length >= 2) return 'table';
    if (numberRows.length === 1) return 'perhaps';
  }
  return numberRows.length + (first.cells.some(isNumberCell) ? 1 : 0) >= 3 ? 'perhaps' : 'no';
};

/**
 * Tables inside of a text: of Markdown (`| a | 4 |`), those that programs print with two spaces or more between columns or
 * with commas, those of LaTeX and of HTML. A table may be as long and as wide as it likes; what is not read is said.
 */
export class TextTableReader {
  readonly #findings: Findings;
  readonly #isLatex: boolean;
  readonly #spaced: Run;
  readonly #listed: readonly { delimiter: string; run: Run }[];
  readonly #latex: LatexTableReader;
  readonly #markup: MarkupTableReader;
  #tables = 0;

  constructor(findings: Findings, newTable: () => RowSink, { isCode = false, isLatex = false, isPage = false } = {}) {
    this.#findings = findings;
    this.#isLatex = isLatex;
    const table = (): RowSink | undefined => {
      if (this.#tables++ < mostTables) return newTable();
      this.#unread(`it has more than ${mostTables} tables, and only those are read`);
      return undefined;
    };
    const onPossibleTable = (line: number) =>
      findings.unjudged(
        'sdc.not-run',
        'Lines with numbers in columns may be a table, which nobody has judged. Submit tables as CSV files.',
        [{ row: line, column: 1, value: '' }],
      );
    this.#spaced = new Run(spaced(isCode), table, onPossibleTable);
    this.#listed = [',', ';'].map(delimiter => ({ delimiter, run: new Run(commas, table, onPossibleTable) }));
    this.#latex = new LatexTableReader(table, reason =>
      this.#unread(`a table of LaTeX is not read to its end: ${reason}`),
    );
    this.#markup = new MarkupTableReader(isPage ? HTML_PAGE_TAGS : HTML_TAGS, table, reason =>
      this.#unread(`a table of HTML is not read to its end: ${reason}`),
    );
  }

  line(text: string, number: number): void {
    this.#markup.feed(`${text}\n`);
    if (this.#latex.line(text, number, this.#isLatex) && !text.includes('|')) {
      this.#endRuns();
      return;
    }
    const content = text.trim();
    if (content === '') {
      for (const run of this.#runs()) run.blank();
      return;
    }
    if (ruled.test(text)) return;
    const cells = content
      .slice(content.startsWith('|') ? 1 : 0, content.length > 1 && content.endsWith('|') ? -1 : undefined)
      .trim()
      .split(cellBreak);
    if (cells.length > MAX_COLUMNS) this.#unread(`a row has more than ${MAX_COLUMNS} columns`);
    if (cells.length >= 2) this.#spaced.push(cells, number);
    else this.#spaced.end();
    for (const { delimiter, run } of this.#listed) {
      const parts = cells.length < 2 && content.includes(delimiter) ? splitDelimitedLine(content, delimiter) : [];
      if (parts.length > MAX_COLUMNS) this.#unread(`a row has more than ${MAX_COLUMNS} columns`);
      if (parts.length < 2) run.end();
      else {
        if (run.width !== parts.length) run.end();
        run.push(parts, number);
      }
    }
  }

  /** A part of a line that is too long to be held. Pages are often written so; no table has such rows. */
  piece(text: string): void {
    this.#markup.feed(text);
    this.#endRuns();
    if (/\p{Nd}/u.test(text) && (cellBreak.test(text) || /[,;&]/.test(text)))
      this.#unread('a line is too long to be read as the row of a table');
  }

  end(): void {
    this.#endRuns();
    this.#latex.end();
    this.#markup.end();
  }

  #runs(): Run[] {
    return [this.#spaced, ...this.#listed.map(({ run }) => run)];
  }

  #endRuns(): void {
    for (const run of this.#runs()) run.end();
  }

  #unread(reason: string): void {
    this.#findings.unjudged(
      'sdc.not-run',
      `Tables in its text are not all judged: ${reason}. Submit tables as files of their own.`,
    );
  }
}
