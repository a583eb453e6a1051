const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for an element or a quoted attribute. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, sign => entities[sign] ?? '');

/**
 * Signs that are not seen, or make other text look other than it is: control characters, marks of direction, joiners and
 * other formats, variation selectors, fillers, private and unassigned ones, halves of pairs, spaces that are no space.
 */
const unseen =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each by itself is meant, never two together
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufffc\ufffd\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/u;
/** More marks on one letter than any language writes: they paint over the lines around. */
const heaped = /(\p{M}{3})\p{M}+/gu;

const code = (sign: string) => `U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
const names: Record<string, string> = { '\n': '↵', '\r': '␍', '\u00a0': '⍽' };

/** Text as HTML in which everything is seen; what is not seen elsewhere stands in a box, by its number. */
export function toVisibleHtml(text: string): string {
  let html = '';
  let end = text.length;
  while (text[end - 1] === ' ') end--;
  const spaces = text.length - end;
  for (const part of text
    .slice(0, end)
    .replace(heaped, '$1\ufffc')
    .split(new RegExp(`(${unseen.source})`, 'u'))) {
    if (part === '') continue;
    if (!unseen.test(part)) html += escapeHtml(part);
    else if (part === '\ufffc') html += '<i class="u">more marks</i>';
    else if (part === '\t') html += '<i class="tab" title="U+0009">→</i>';
    else html += `<i class="u" title="${code(part)}">${names[part] ?? code(part)}</i>`;
  }
  // Nobody sees how many stand at an end.
  return spaces > 0 ? `${html}<i class="u" title="U+0020">${pluralise(spaces, 'space')}</i>` : html;
}

/** At most `maxLength` signs of a text, and how many more there are. Never half a sign. */
export function truncateText(text: string, maxLength: number): { text: string; rest: number } {
  if (text.length <= maxLength) return { text, rest: 0 };
  const end = /[\ud800-\udbff]/.test(text[maxLength - 1] ?? '') ? maxLength - 1 : maxLength;
  return { text: text.slice(0, end), rest: text.length - end };
}

/** What stands where a text was cut. Text that is shown cannot contain it. */
export const CUT_MARK = '<i class="cut">';

/** Visible text, cut with a count of what is missing. */
export function toShortHtml(text: string, maxLength: number): string {
  const { text: head, rest } = truncateText(text, maxLength);
  return toVisibleHtml(head) + (rest > 0 ? `${CUT_MARK}+${groupDigits(rest)} more</i>` : '');
}

/** `1 row`, `1,200 rows`. */
export const pluralise = (count: number, noun: string): string =>
  `${groupDigits(count)} ${noun}${count === 1 ? '' : 's'}`;

export const groupDigits = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');
