import { escapeHtml, groupDigits } from './escape.ts';
import type { PagePart } from './page.ts';

const printed = (byte: number) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·');

/** What cannot be shown safely is not shown: only that it is so, why, and its first bytes. */
export function renderHexDump(head: Uint8Array, size: number | undefined, reason: string): PagePart {
  const start = head.subarray(0, 512);
  const lines: string[] = [];
  for (let offset = 0; offset < start.length; offset += 16) {
    const row = [...start.subarray(offset, offset + 16)];
    const hex = row
      .map(byte => byte.toString(16).padStart(2, '0'))
      .join(' ')
      .padEnd(47);
    lines.push(`<b>${offset.toString(16).padStart(6, '0')}</b>  ${hex}  ${escapeHtml(row.map(printed).join(''))}`);
  }
  const facts = [
    ['Why', reason],
    ['First bytes', `${start.length}${size === undefined ? '' : ` of ${groupDigits(size)}`}`],
  ] as const;
  return {
    html: `<section><h2>No preview</h2><dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join('')}</dl><pre class="hex">${lines.join('\n')}</pre></section>`,
    omissions: ['The content: judge this file by its report, or not at all.'],
  };
}
