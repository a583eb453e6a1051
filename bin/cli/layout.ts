import { stripVTControlCharacters } from 'node:util';

/** Characters that take two columns of a terminal: those of East Asian scripts, and pictures. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;

const columnsOf = (character: string): number => (/\p{Mark}/u.test(character) ? 0 : wide.test(character) ? 2 : 1);

/** How many columns a text takes. */
export const measureText = (text: string): number => {
  let columns = 0;
  for (const character of stripVTControlCharacters(text)) columns += columnsOf(character);
  return columns;
};

/** Cuts a word that is longer than a line, such as an id or a path, into pieces. */
function splitWord(word: string, width: number): string[] {
  const pieces: string[] = [];
  let [piece, columns] = ['', 0];
  for (const character of word) {
    const next = columnsOf(character);
    if (columns + next > width && piece !== '') {
      pieces.push(piece);
      [piece, columns] = ['', 0];
    }
    piece += character;
    columns += next;
  }
  return [...pieces, piece];
}

/** Breaks a text into lines of at most `width` columns, between words where possible. Without a width it stays whole. */
export function wrapText(text: string, width: number | undefined): string[] {
  if (width === undefined || measureText(text) <= width) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap(word => (measureText(word) > width ? splitWord(word, width) : [word]))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (measureText(longer) <= width) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

const indentBy = (text: string, columns: number): string => text.replace(/^(?=.)/gm, ' '.repeat(columns));

/** A narrower screen, for what is indented. */
export const narrowWidth = (width: number | undefined, columns: number): number | undefined =>
  width === undefined ? undefined : Math.max(20, width - columns);

/** Indented lines of at most `width` columns, each text on lines of its own. */
export const indentedTexts = (texts: readonly string[], width: number | undefined, columns = 2): string =>
  indentBy(texts.flatMap(text => wrapText(text, narrowWidth(width, columns))).join('\n'), columns);

/** Text of at most `width` columns whose further lines are indented. */
export function hangingText(text: string, width: number | undefined, columns = 2): string {
  const [first = '', ...rest] = wrapText(text, narrowWidth(width, columns));
  return [first, ...rest.map(line => ' '.repeat(columns) + line)].join('\n');
}

/** A heading with an indented block below it. */
export const section = (heading: string, block: string): string => `${heading}:\n${indentBy(block, 2)}`;

const MIN_VALUE_COLUMNS = 24;

/**
 * Labels and values, a line for each. A value that does not fit goes on below itself, or on a narrow screen below its label.
 */
export function formatFields(rows: readonly (readonly [label: string, value: string])[], width?: number): string {
  const labelColumns = Math.max(0, ...rows.map(([label]) => measureText(label)));
  const isNarrow = width !== undefined && width - labelColumns - 2 < MIN_VALUE_COLUMNS;
  return rows
    .map(([label, value]) => {
      const room = isNarrow ? narrowWidth(width, measureText(label) + 2) : narrowWidth(width, labelColumns + 2);
      const padding = ' '.repeat((isNarrow ? measureText(label) : labelColumns) - measureText(label) + 2);
      const [first = '', ...rest] = wrapText(value, room);
      if (isNarrow && rest.length > 0) return `${label}\n${indentedTexts([value], width)}`;
      return [label + padding + first, ...rest.map(line => ' '.repeat(labelColumns + 2) + line)].join('\n').trimEnd();
    })
    .join('\n');
}
