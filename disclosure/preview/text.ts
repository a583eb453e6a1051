import { concatBytes } from '../bytes.ts';
import type { FileReport } from '../report.ts';
import { decodeText } from './encoding.ts';
import { groupDigits, toShortHtml } from './escape.ts';
import type { PageLimits } from './limits.ts';
import type { PagePart } from './page.ts';
import { type CellFlag, flagLines, renderFlagMark } from './sheet.ts';

/** Texts begin at the line that a page starts at: the bytes from there, and the number of the first line in them. */
export async function takeLines(
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { start, text, bytes: maxBytes }: PageLimits,
): Promise<{ bytes: Uint8Array; firstLine: number; whole: boolean }> {
  const parts: Uint8Array[] = [];
  let [firstLine, previous, read, size] = [1, 0, 0, 0];
  for await (const chunk of stream) {
    let offset = 0;
    // A line ends with \n, \r or both.
    for (; offset < chunk.length; offset++) {
      const byte = chunk[offset] as number;
      const isSecond = byte === 10 && previous === 13;
      if (firstLine >= start.row && !isSecond) break;
      if ((byte === 10 || byte === 13) && !isSecond) firstLine++;
      previous = byte;
    }
    if (offset < chunk.length) previous = 0;
    parts.push(chunk.slice(offset, offset + text + 1 - size));
    size += Math.min(chunk.length - offset, text + 1 - size);
    read += chunk.length;
    if (size > text || read > maxBytes) break;
  }
  return { bytes: concatBytes(parts).subarray(0, text), firstLine, whole: size <= text && read <= maxBytes };
}

/** Lines with their numbers; nothing of them means anything to a browser. `flag` says which were found wrong. */
export function renderLines(
  title: string,
  lines: readonly string[],
  {
    limits,
    room = limits.html,
    flag,
    firstLine = 1,
  }: { limits: PageLimits; room?: number; flag?: (line: number) => CellFlag | undefined; firstLine?: number },
): PagePart {
  const html: string[] = [];
  const { row, character } = limits.start;
  const skip = Math.max(0, row - firstLine);
  const window = lines.slice(skip, skip + limits.lines).map(line => line.slice(character - 1));
  let space = room;
  for (const [index, line] of window.entries()) {
    if (space <= 0) break;
    const number = firstLine + skip + index;
    const flagged = flag?.(number);
    const { attribute, mark } = flagged ? renderFlagMark(flagged) : { attribute: '', mark: '' };
    const item = `<li${flagged ? ` class="${flagged.action}"` : ''}${attribute} data-n="${number}"><span>${toShortHtml(line, limits.line)}</span>${mark}</li>`;
    space -= Buffer.byteLength(item);
    html.push(item);
  }
  const rest = firstLine - 1 + lines.length - html.length;
  const long = window.slice(0, html.length).filter(line => line.length > limits.line).length;
  return {
    html: `<section><h2>${title}</h2><ol class="lines">${html.join('')}</ol></section>`,
    omissions: [
      ...(character > 1 ? ['The beginnings of lines.'] : []),
      ...(long > 0 ? [`The ends of ${groupDigits(long)} long lines.`] : []),
      ...(rest > 0 ? [`${groupDigits(rest)} lines.`] : []),
    ],
  };
}

/** The lines of a text. Where they end in different ways, the rarer line ends stay on their lines, so that they are shown. */
export function splitPreviewLines(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  const lineEnds = text.match(/\r\n|\n|\r/g) ?? [];
  if (new Set(lineEnds).size > 1) {
    const count = (end: string) => lineEnds.filter(item => item === end).length;
    const usual = ['\n', '\r\n', '\r'].reduce((best, end) => (count(end) > count(best) ? end : best));
    for (const [index, end] of lineEnds.entries()) if (end !== usual) lines[index] += end === '\n' ? end : '\r';
  }
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Text line by line, numbered, with the flagged lines marked. */
export function renderText(
  { bytes, firstLine, whole }: Awaited<ReturnType<typeof takeLines>>,
  report: FileReport | undefined,
  limits: PageLimits,
  title = 'Text',
): PagePart {
  const { text: content, encoding } = decodeText(bytes, whole);
  const flags = flagLines(report);
  const part = renderLines(
    `${title}${encoding ? `: it is not UTF-8 and is read as ${encoding}` : ''}`,
    splitPreviewLines(content),
    {
      limits,
      firstLine,
      flag: line => flags.get(line),
    },
  );
  return {
    html: part.html,
    omissions: [...part.omissions, ...(whole ? [] : [`All after ${groupDigits(bytes.length)} bytes.`])],
  };
}
