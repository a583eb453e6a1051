import type { FileReport } from '../report.ts';
import { decodeText } from './encoding.ts';
import { groupDigits, toShortHtml } from './escape.ts';
import type { PageLimits } from './limits.ts';
import type { PagePart } from './page.ts';
import { type CellFlag, flagCells, renderFlagMark } from './sheet.ts';

/** Lines with their numbers; nothing of them means anything to a browser. `flag` says which were found wrong. */
export function renderLines(
  title: string,
  all: readonly string[],
  {
    limits,
    room = limits.html,
    flag,
  }: { limits: PageLimits; room?: number; flag?: (line: number) => CellFlag | undefined },
): PagePart {
  const html: string[] = [];
  let left = room;
  for (const line of all.slice(0, limits.lines)) {
    if (left <= 0) break;
    const found = flag?.(html.length + 1);
    const { about, mark } = found ? renderFlagMark(found) : { about: '', mark: '' };
    const item = `<li${found ? ` class="${found.action}"` : ''}${about}><span>${toShortHtml(line, limits.line)}</span>${mark}</li>`;
    left -= Buffer.byteLength(item);
    html.push(item);
  }
  const rest = all.length - html.length;
  const long = all.slice(0, html.length).filter(line => line.length > limits.line).length;
  return {
    html: `<section><h2>${title}</h2><ol class="lines">${html.join('')}</ol></section>`,
    left: [
      ...(long > 0 ? [`The ends of ${groupDigits(long)} long lines.`] : []),
      ...(rest > 0 ? [`${groupDigits(rest)} lines.`] : []),
    ],
  };
}

export function splitPreviewLines(text: string): string[] {
  const all = text.split(/\r\n|\n|\r/);
  if (all.at(-1) === '') all.pop();
  return all;
}

/** Text line by line, numbered, with the flagged lines marked. */
export function renderText(
  bytes: Uint8Array,
  whole: boolean,
  report: FileReport | undefined,
  limits: PageLimits,
): PagePart {
  const { text: all, encoding } = decodeText(bytes, whole);
  const found = flagCells(report);
  const shown = renderLines(
    `Text${encoding ? `: it is not UTF-8 and is read as ${encoding}` : ''}`,
    splitPreviewLines(all),
    {
      limits,
      flag: line => found.get(`${line}:1`),
    },
  );
  return {
    html: shown.html,
    left: [...shown.left, ...(whole ? [] : [`All after the first ${groupDigits(bytes.length)} bytes.`])],
  };
}
