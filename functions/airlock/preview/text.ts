import { grouped, short } from './escape.ts';
import type { Limits } from './limits.ts';
import type { Part } from './page.ts';

/** Text line by line, numbered; nothing of it means anything to a browser. */
export function text(bytes: Uint8Array, whole: boolean, limits: Limits): Part {
  // A text cut within a sign ends in the sign for that; only then is it ours.
  const all = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: !whole });
  const lines = all.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  const html: string[] = [];
  let room = limits.html;
  for (const line of lines.slice(0, limits.lines)) {
    if (room <= 0) break;
    const item = `<li><span>${short(line, limits.line)}</span></li>`;
    room -= Buffer.byteLength(item);
    html.push(item);
  }
  const rest = lines.length - html.length;
  const long = lines.slice(0, html.length).filter(line => line.length > limits.line).length;
  return {
    html: `<section><h2>Text</h2><ol class="lines">${html.join('')}</ol></section>`,
    left: [
      ...(long > 0 ? [`The ends of ${grouped(long)} long lines.`] : []),
      ...(rest > 0 ? [`${grouped(rest)} lines.`] : []),
      ...(whole ? [] : [`All after the first ${grouped(bytes.length)} bytes.`]),
    ],
  };
}

/** Whether bytes are text that people read: UTF-8, and hardly any control characters. */
export function isText(bytes: Uint8Array, whole: boolean): boolean {
  let said: string;
  try {
    said = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !whole });
  } catch {
    return false;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  const odd = said.match(/[\0-\x08\x0e-\x1a\x1c-\x1f]/g)?.length ?? 0;
  return odd <= said.length / 100;
}
