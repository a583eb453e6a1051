import type { FileReport } from '../report.ts';
import { decodeText } from './encoding.ts';
import { groupDigits, toShortHtml } from './escape.ts';
import type { PageLimits } from './limits.ts';
import type { PagePart } from './page.ts';
import { type CellFlag, flagCells, renderFlagMark } from './sheet.ts';

/** Lines with their numbers; nothing of them means anything to a browser. `flag` says which were found wrong. */
export function renderLines(
  title: string,
  lines: readonly string[],
  {
    limits,
    room = limits.html,
    flag,
  }: { limits: PageLimits; room?: number; flag?: (line: number) => CellFlag | undefined },
): PagePart {
  const html: string[] = [];
  let space = room;
  for (const line of lines.slice(0, limits.lines)) {
    if (space <= 0) break;
    const flagged = flag?.(html.length + 1);
    const { attribute, mark } = flagged ? renderFlagMark(flagged) : { attribute: '', mark: '' };
    const item = `<li${flagged ? ` class="${flagged.action}"` : ''}${attribute}><span>${toShortHtml(line, limits.line)}</span>${mark}</li>`;
    space -= Buffer.byteLength(item);
    html.push(item);
  }
  const rest = lines.length - html.length;
  const long = lines.slice(0, html.length).filter(line => line.length > limits.line).length;
  return {
    html: `<section><h2>${title}</h2><ol class="lines">${html.join('')}</ol></section>`,
    omissions: [
      ...(long > 0 ? [`The ends of ${groupDigits(long)} long lines.`] : []),
      ...(rest > 0 ? [`${groupDigits(rest)} lines.`] : []),
    ],
  };
}

export function splitPreviewLines(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Text line by line, numbered, with the flagged lines marked. */
export function renderText(
  bytes: Uint8Array,
  whole: boolean,
  report: FileReport | undefined,
  limits: PageLimits,
): PagePart {
  const { text: content, encoding } = decodeText(bytes, whole);
  const flags = flagCells(report);
  const part = renderLines(
    `Text${encoding ? `: it is not UTF-8 and is read as ${encoding}` : ''}`,
    splitPreviewLines(content),
    {
      limits,
      flag: line => flags.get(`${line}:1`),
    },
  );
  return {
    html: part.html,
    omissions: [...part.omissions, ...(whole ? [] : [`All after the first ${groupDigits(bytes.length)} bytes.`])],
  };
}
