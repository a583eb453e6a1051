import type { ByteSource } from './byte-source.ts';
import { readHead, startsWithBytes, UnreadableError } from './bytes.ts';
import { type Findings, quoteForFinding } from './findings.ts';
import { findIdentifiers } from './identifiers.ts';
import type { TextTableReader } from './text-tables.ts';

export const splitTextLines = (text: string): string[] => text.split(/\r\n|\n|\r/);

/** UTF-16, as spreadsheets export "Unicode text", becomes UTF-8; all else passes as it is. */
export async function* toUtf8Stream(source: ByteSource): AsyncIterable<Uint8Array> {
  const start = await readHead(source, 2);
  const encoding = startsWithBytes(start, [0xff, 0xfe])
    ? 'utf-16le'
    : startsWithBytes(start, [0xfe, 0xff])
      ? 'utf-16be'
      : undefined;
  if (encoding === undefined) return yield* source.stream();
  const decoder = new TextDecoder(encoding);
  const encoder = new TextEncoder();
  for await (const chunk of source.stream())
    for (let offset = 0; offset < chunk.length; offset += 1 << 16)
      yield encoder.encode(decoder.decode(chunk.subarray(offset, offset + (1 << 16)), { stream: true }));
  yield encoder.encode(decoder.decode());
}

/** Lines of a log, of code or of a document's text. */
export class TextCheck {
  readonly #findings: Findings;
  readonly #identify: boolean;
  #number = 0;
  constructor(findings: Findings) {
    this.#findings = findings;
    this.#identify = findings.runs('identifiers.found');
    findings.runs('text.encoded');
    findings.runs('text.long-line');
  }

  get lines(): number {
    return this.#number;
  }

  line(text: string): void {
    this.#number++;
    const { rules } = this.#findings.policy;
    const place = (value: string) => [{ row: this.#number, column: 1, value: quoteForFinding(value) }];
    const long = rules['text.long-line'];
    if (text.length > long.longest)
      this.#findings.add(
        'text.long-line',
        `A line has more than ${long.longest} characters, more than a reviewer can read. Break it into several lines.`,
        place(text),
      );
    if (this.#identify && text.length >= 5)
      for (const { kind, value } of findIdentifiers(text))
        this.#findings.add('identifiers.found', `Possible ${kind}. Remove it.`, place(value));
    const { longest } = rules['text.encoded'];
    if (text.length >= longest) {
      const run = encodedRun(text, longest);
      if (run !== undefined)
        this.#findings.add(
          'text.encoded',
          `A run of more than ${longest} characters looks like encoded data (base64 or hexadecimal). Remove it, or submit what it encodes as a file.`,
          place(run),
        );
    }
  }
}

/** The first long run of the letters of base64 and hexadecimal, if any: one pass, whatever the text. */
function encodedRun(text: string, longest: number): string | undefined {
  let start = 0;
  for (let index = 0; index <= text.length; index++) {
    const code = index < text.length ? text.charCodeAt(index) : 0;
    const isEncoding =
      (code >= 48 && code <= 57) ||
      (code >= 65 && code <= 90) ||
      (code >= 97 && code <= 122) ||
      code === 43 ||
      code === 47 ||
      code === 45 ||
      code === 95 ||
      code === 61;
    if (isEncoding) continue;
    const run = text.slice(start, start + 2000);
    // A rule of dashes is long as well, but has few different characters.
    if (index - start >= longest && new Set(run).size >= 12) return run.slice(0, 60);
    start = index + 1;
  }
  return undefined;
}

export function checkTextLines(lines: readonly string[], findings: Findings): void {
  const check = new TextCheck(findings);
  for (const line of lines) check.line(line);
}

/** The longest line that is kept; what is longer is read in pieces of this, which overlap so that nothing is cut in two. */
const longestPiece = 1 << 16;

export async function checkText(
  bytes: AsyncIterable<Uint8Array>,
  findings: Findings,
  tables?: TextTableReader,
): Promise<number> {
  const check = new TextCheck(findings);
  let isCut = false;
  const line = (text: string) => {
    check.line(text);
    if (isCut) tables?.piece(`${text}\n`);
    else tables?.line(text, check.lines);
    isCut = false;
  };
  const decoder = new TextDecoder();
  let rest = '';
  const piecesOf = (line: string): string => {
    let remainder = line;
    for (; remainder.length > longestPiece; remainder = remainder.slice(longestPiece - 100)) {
      check.line(remainder.slice(0, longestPiece));
      tables?.piece(remainder.slice(0, longestPiece - 100));
      isCut = true;
    }
    return remainder;
  };
  const take = () => {
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    const last = lines.pop() ?? '';
    for (const text of lines) line(piecesOf(text));
    rest = piecesOf(last);
  };
  for await (const chunk of bytes)
    for (let offset = 0; offset < chunk.length; offset += longestPiece) {
      const piece = chunk.subarray(offset, offset + longestPiece);
      if (piece.includes(0)) throw new UnreadableError('it begins as text and goes on as something else');
      rest += decoder.decode(piece, { stream: true });
      take();
    }
  rest += decoder.decode();
  if (rest !== '') line(rest);
  tables?.end();
  return check.lines;
}
