import { escapeHtml, groupDigits } from './escape.ts';
import type { PagePart } from './page.ts';

const printed = (byte: number) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·');

/** What cannot be shown safely is not shown: only that it is so, why, and its first bytes. */
export function renderHexDump(head: Uint8Array, size: number | undefined, why: string): PagePart {
  const shown = head.subarray(0, 512);
  const lines: string[] = [];
  for (let at = 0; at < shown.length; at += 16) {
    const row = [...shown.subarray(at, at + 16)];
    const hex = row
      .map(byte => byte.toString(16).padStart(2, '0'))
      .join(' ')
      .padEnd(47);
    lines.push(`<b>${at.toString(16).padStart(6, '0')}</b>  ${hex}  ${escapeHtml(row.map(printed).join(''))}`);
  }
  const facts = [
    ['Why', why],
    ['First bytes', `${shown.length}${size === undefined ? '' : ` of ${groupDigits(size)}`}`],
  ] as const;
  return {
    html: `<section><h2>No preview</h2><dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join('')}</dl><pre class="hex">${lines.join('\n')}</pre></section>`,
    left: ['The content: judge this file by its report, or not at all.'],
  };
}
