import { MAX_COLUMNS } from './csv-tokenizer.ts';
import type { RowSink } from './row-sink.ts';

const tables =
  /^(tabular[xy]?|tabulary|longtable|longtabu|array|tabu|tblr|longtblr|supertabular|xltabular|NiceTabular)\*?$/;
/** Where `&` sets formulas and no tables. */
const formulas = /^([pbBvV]?(small)?matrix|align(ed|at)?|eqnarray|split|cases|gather(ed)?|IEEEeqnarray)\*?$/;
const rules =
  /\\(hline|toprule|midrule|bottomrule|endhead|endfirsthead|endfoot|endlastfoot|tabularnewline(?=\s*$))(?![a-zA-Z])|\\(cline|cmidrule|addlinespace|specialrule|rowcolor|hhline|noalign)(\([^)]{0,20}\))?(\[[^\]]{0,20}\])?(\{[^{}]{0,40}\}){0,3}/g;
/** Commands that stand for a sign or set how a cell looks: none of them writes a number. */
const LAYOUT_COMMANDS =
  /\\(textit|textbf|textrm|texttt|textsc|emph|mathrm|mathbf|mathit|text|mbox|makecell|thead|num|bfseries|itshape|ttfamily|centering|raggedright|raggedleft|small|footnotesize|scriptsize|tiny|normalsize|large|Large|quad|qquad|hfill|indent|noindent|sym|ast|dagger|ddagger|S|P|pm|times|cdot|ldots|dots|checkmark|alpha|beta|gamma|delta|mu|sigma|chi|rho|le|leq|ge|geq|lt|gt|sim|approx|textless|textgreater|textasciitilde|textpounds|pounds|euro|texteuro|textendash|textemdash|newline|linebreak|par|strut|bf|it|rm|sc|tt|em|left|right|displaystyle|mathsf|textsf|shortstack)(?![a-zA-Z])\*?/g;
/** The arguments of `\begin{tabular}`: the width, the columns. */
const tableArguments = /^\s*(\[[^\]]*\])?(\s*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}){0,3}\s*/;
/** Of a cell, and of a row. */
const longest = 4096;
const longestRow = 1 << 16;

/** The text that a cell of LaTeX shows, and how many columns it has; undefined where a command may write anything. */
function parseLatexCell(source: string): { text: string; span: number } | undefined {
  // A brace that ends in another row, and a power, are not followed.
  const braces = source.replace(/\\[{}]/g, '');
  if (source.length > longest || braces.split('{').length !== braces.split('}').length) return undefined;
  if (/\d\}?\$?\s*\^\s*\{?-?\d/.test(source)) return undefined;
  const [, wide] = /\\multicolumn\s*\{\s*(\d{1,3})\s*\}/.exec(source) ?? [];
  let text = source
    .replace(/\\multicolumn\s*\{[^{}]*\}\s*\{(?:[^{}]|\{[^{}]*\})*\}/g, '')
    .replace(/\\multirow\s*(\[[^\]]*\])?\s*\{[^{}]*\}\s*(\[[^\]]*\])?\s*\{[^{}]*\}/g, '')
    .replace(
      /\\(cellcolor|textcolor|color|hspace|vspace|label|ref|cite|rotatebox|raisebox|parbox|footnote|footnotemark|tnote|textsuperscript|textsubscript|h?phantom)(?![a-zA-Z])\*?(\[[^\]]*\])*(\{[^{}]*\})?/g,
      '',
    )
    .replace(/(?<!\\)[\^_]\s*(?:\{([^{}]*)\}|([^\s{\\]))/g, (_, group, single) =>
      /^[*†‡]+$/.test(group ?? single) ? (group ?? single) : '',
    )
    .replace(/\\(leq?|lt|textless)(?![a-zA-Z])/g, '<')
    .replace(/\\(geq?|gt|textgreater)(?![a-zA-Z])/g, '>')
    .replace(/\\(textendash|textemdash)(?![a-zA-Z])/g, '–')
    .replace(/\\(ast)(?![a-zA-Z])/g, '*')
    .replace(/\\(pounds|textpounds)(?![a-zA-Z])/g, '£');
  text = text.replace(LAYOUT_COMMANDS, '');
  if (/\\[a-zA-Z@]/.test(text)) return undefined;
  text = text
    .replace(/\{,\}/g, ',')
    .replace(/\\[,;:! ]/g, '')
    .replace(/\\([%&$#_{}])|[{}$]/g, '$1')
    .replace(/[~\s]+/g, ' ')
    .replace(/\\/g, '')
    .trim();
  return { text, span: Math.min(100, Number(wide ?? 1)) };
}

/**
 * Tables of LaTeX as its lines pass, within `tabular` and its kin or as rows alone (`a & 3 \\`), as programs write them to
 * be included. A formula's matrix and a command that may write anything are reported to `unread`.
 */
export class LatexTableReader {
  readonly #newTable: () => RowSink | undefined;
  readonly #unread: (reason: string, line: number) => void;
  /** The environments that are open and of which `&` is a part. */
  readonly #within: ('table' | 'formula')[] = [];
  /** The row that goes on in the next line, part by part. */
  #pending: string[] = [];
  #length = 0;
  #table: RowSink | undefined;
  #begun = false;
  #number = 0;

  constructor(newTable: () => RowSink | undefined, unread: (reason: string, line: number) => void) {
    this.#newTable = newTable;
    this.#unread = unread;
  }

  /** Takes a line; says whether it has a row. `isLatex`: a row may be without `\\` and go on in the next line. */
  line(text: string, number: number, isLatex: boolean): boolean {
    this.#number = number;
    // Between tables most lines of most texts stop here.
    if (this.#within.length === 0 && !this.#begun && this.#pending.length === 0 && !/[\\&]/.test(text)) return false;
    let hasRow = false;
    const parts = text.split(/\\(begin|end)\s*\{([^{}]{1,40})\}/);
    for (let index = 0; index < parts.length; index += 3) {
      const begins = index > 0 && this.#environment(parts[index - 2] === 'begin', parts[index - 1] ?? '');
      if (this.#rows(parts[index] ?? '', begins, isLatex)) hasRow = true;
    }
    return hasRow;
  }

  end(): void {
    this.#endRow();
    this.#close();
  }

  /** Says whether a table begins here. */
  #environment(begins: boolean, name: string): boolean {
    const isTable = tables.test(name);
    if (!isTable && !formulas.test(name)) return false;
    this.#endRow();
    if (isTable) this.#close();
    if (!begins) this.#within.pop();
    else if (this.#within.length < 100) this.#within.push(isTable ? 'table' : 'formula');
    return begins && isTable;
  }

  #rows(text: string, begins: boolean, isLatex: boolean): boolean {
    const content = (begins ? text.replace(tableArguments, '') : text).replace(/(?<!\\)%/g, ' ').replace(rules, ' ');
    const [divides, hasRowEnds] = [/(?<!\\)&/.test(content), /\\\\/.test(content)];
    const isInside = this.#within.length > 0;
    if (!isInside && (text.trim() === '' || !(isLatex || hasRowEnds))) this.#endRow();
    if (!isInside && this.#pending.length === 0 && !(divides && (isLatex || hasRowEnds))) {
      if (content.trim() !== '' && !hasRowEnds) this.#close();
      return false;
    }
    const rows = content.split(/\\\\\*?(?:\[[^\]]{0,20}\])?|\\tabularnewline|\\cr(?![a-zA-Z])/);
    const rest = rows.pop()?.trim() ?? '';
    for (const row of rows) {
      this.#pending.push(row);
      this.#endRow();
    }
    if (rest !== '') this.#pending.push(rest);
    this.#length += rest.length;
    if (this.#length > longestRow) {
      this.#unread('a row of it is too long', this.#number);
      this.#pending = [];
      this.#length = 0;
    }
    return divides && hasRowEnds;
  }

  #endRow(): void {
    const row = this.#pending.join(' ');
    this.#pending = [];
    this.#length = 0;
    if (row.trim() !== '') this.#row(row);
  }

  #row(source: string): void {
    const read = source.split(/(?<!\\)&/).map(parseLatexCell);
    if (this.#within.at(-1) === 'formula') {
      if (read.some(cell => /^\d[\d.,]*$/.test(cell?.text ?? '')))
        this.#unread('numbers stand in a formula', this.#number);
      return;
    }
    if (read.length > MAX_COLUMNS) this.#unread('it has too many columns', this.#number);
    if (read.includes(undefined)) this.#unread('commands stand in it that may write anything', this.#number);
    if (!this.#begun) this.#table = this.#newTable();
    this.#begun = true;
    const cells = read.flatMap(cell => [cell?.text ?? '', ...Array(Math.max(0, (cell?.span ?? 1) - 1)).fill('')]);
    this.#table?.text(cells as string[], this.#number);
  }

  #close(): void {
    this.#table?.end();
    this.#table = undefined;
    this.#begun = false;
  }
}
