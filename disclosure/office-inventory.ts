import { UnreadableError } from './bytes.ts';
import { type Findings, quoteForFinding } from './findings.ts';
import vocabulary from './office-words.json' with { type: 'json' };
import { TextCheck } from './text.ts';
import type { XmlHandler } from './xml-reader.ts';

const names = new Set(vocabulary.names.split(' '));
const words = new Set(vocabulary.words.split(' '));
/** Numbers, colours, identities, cells and dates. */
const plainValue =
  /^(-?\d{1,10}(\.\d{1,18})?%?|[\da-f]{6}|[\da-f]{8}|\{[\da-f-]{36}\}|\$?[a-z]{1,3}\$?\d{1,7}(:\$?[a-z]{1,3}\$?\d{1,7})?|\d{1,5}:\d{1,5}|\d{4}-\d\d-\d\dT[\d:]{8}Z|0[\da-f]{19})?$/i;
const namespaceParts = new Set(vocabulary.namespaces.split(' '));
const namespace =
  /^(?:https?:\/\/(?:schemas\.openxmlformats\.org|schemas\.microsoft\.com|purl\.org|purl\.oclc\.org|www\.w3\.org)\/|urn:schemas-microsoft-com:)([\w/.:-]{1,100})$/;
/** Years, months and versions. */
const namespaceNumber = /^((19|20)\d\d|\d{1,2}|\d\.\d)$/;

/** Whether a value is the prefix of a namespace, or a namespace of which each part is known and hardly any appears twice. */
function isNamespace(value: string): boolean {
  if (/^[a-z]{1,3}$/.test(value)) return true;
  const parts = namespace.exec(value)?.[1]?.replace(/\/$/, '').split(/[/:]/);
  return (
    parts !== undefined &&
    // “office” and “officeDocument” come twice in some.
    new Set(parts).size >= parts.length - 1 &&
    parts.every(part => namespaceParts.has(part) || namespaceNumber.test(part))
  );
}
/** Settings that no page shows may have so many bytes, and shown parts so much markup beside their words. */
const MAX_UNSEEN_BYTES = 2 ** 20;
const MAX_MARKUP = { length: 2 ** 16, perCharacter: 20 };

/** How many digits and signs, and how many short words that are not in the list, a known text may have. */
const MAX_SIGNS = 24;
const MAX_SHORT_WORDS = 6;
/** How many digits all different numbers of a file's settings may have together: three times those of usual programs. */
const MAX_DIGITS = 4096;
/** Values that belong to one form each, by element and attribute. */
const forms: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['Relationship Type', isNamespace],
  ['Relationship Id', value => /^[rR]\w{0,3}\d{1,5}$|^R[\da-f]{16}$/.test(value)],
  ['Override ContentType', value => /^[a-z]+\/[\w.+-]+$/.test(value)],
  ['Default ContentType', value => /^[a-z]+\/[\w.+-]+$/.test(value)],
]);

const prefixes = new Set(vocabulary.prefixes.split(' '));
function isKnownName(name: string): boolean {
  const colon = name.indexOf(':');
  return names.has(name.slice(colon + 1)) && (colon < 0 || prefixes.has(name.slice(0, colon)));
}
/** Known words with few other characters among them, such as a path, a font or a version. */
function isKnownText(text: string): boolean {
  if (plainValue.test(text)) return true;
  if (text.length > 200 || /\s\s|\d{6}|[^\x20-\x7e]{20}/.test(text)) return false;
  const unknown = text.split(/[^\p{L}]+/u).filter(word => !words.has(word) && !names.has(word));
  return (
    text.replace(/[\p{L} ]/gu, '').length <= MAX_SIGNS &&
    new Set(unknown).size <= MAX_SHORT_WORDS &&
    unknown.every(({ length }) => length <= 2)
  );
}

/** The prefix of the names that the readers look for, by what they are names of. */
const usualPrefixes: Readonly<Record<string, string>> = {
  spreadsheetml: 'xmlns',
  wordprocessingml: 'xmlns:w',
  drawingml: 'xmlns:a',
  presentationml: 'xmlns:p',
};
function requireUsualPrefix(key: string, value: string): void {
  const [, language] = /(\w+)\/(?:2006\/)?main$/.exec(value) ?? [];
  if ((usualPrefixes[language ?? ''] ?? key) !== key)
    throw new UnreadableError('its XML has names that are written unusually');
}

/** Who shows what of a part: the text of some elements, and attributes such as the name of a sheet. */
export interface ShownContent {
  readonly text: (element: string) => boolean;
  readonly attribute?: (element: string, name: string) => boolean;
}

export const NOTHING_SHOWN: ShownContent = { text: () => false };

/** Accounts for all that is in an office file: what no page shows must be what office programs write by themselves. */
export class OfficeInventory {
  readonly #findings: Findings;
  readonly #text: TextCheck;
  readonly #strange = new Map<string, number>();
  readonly #shownTexts = new Set<string>();
  readonly #numbers = new Set<string>();
  #digits = 0;
  #unseenBytes = 0;
  #markupLength = 0;
  #shownLength = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
    this.#text = new TextCheck(findings);
  }

  /** Names something that no page shows. */
  note(description: string): void {
    if (this.#strange.size < 100 || this.#strange.has(description))
      this.#strange.set(description, (this.#strange.get(description) ?? 0) + 1);
  }

  addUnseenBytes(bytes: number): void {
    this.#unseenBytes += bytes;
  }

  /** Judges a text that no page shows, unless it is repeated from where one does. */
  judgeText(text: string, place: string): void {
    if (!this.#shownTexts.has(text)) this.judgeUnseenText(text, place);
  }

  /** The same for a text that only looks like one that is shown. */
  judgeUnseenText(text: string, place: string): void {
    this.#countDigits(text, /^[\da-f]+$/i.test(text) ? text.length : text.replace(/\D/g, '').length);
    if (isKnownText(text)) return;
    for (const line of text.split('\n')) this.#text.line(line);
    this.note(`“${quoteForFinding(text, 40)}” in ${place}`);
  }

  /** A handler that accounts for a part, and hands on what `handler` takes. */
  watch(part: string, visible: ShownContent, handler: Partial<XmlHandler> = {}): XmlHandler {
    const open: string[] = [];
    // Office programs write text only where an element holds nothing else.
    let [isAfterOpening, isAfterText] = [false, false];
    const noteMixedText = () => this.note(`text between the elements of ${part}`);
    return {
      open: (name, attributes) => {
        open.push(name);
        if (isAfterText) noteMixedText();
        [isAfterOpening, isAfterText] = [true, false];
        if (!isKnownName(name)) this.note(`the element “${quoteForFinding(name, 40)}”`);
        for (const [key, value] of Object.entries(attributes)) {
          if (visible.text !== NOTHING_SHOWN.text) this.#markupLength += value.length;
          if (visible.attribute?.(name, key)) this.#show(value);
          else if (key === 'xmlns' || key.startsWith('xmlns:')) {
            requireUsualPrefix(key, value);
            if (!isNamespace(value)) this.judgeText(`namespace ${value}`, part);
            if (key !== 'xmlns' && !prefixes.has(key.slice(6))) this.note(`the prefix “${quoteForFinding(key, 40)}”`);
            this.#countDigits(value, 16);
          } else {
            if (!isKnownName(key)) this.note(`the attribute “${quoteForFinding(key, 40)}”`);
            // The place of a cell is the table's, which a page shows.
            if (isNamespace(value)) this.#countDigits(value, value.length > 3 ? 16 : 0);
            else if (!(key === 'r' && /^(c|row)$/.test(name))) this.judgeText(value, part);
            if (forms.get(`${name} ${key}`)?.(value) === false)
              this.note(`the ${key} “${quoteForFinding(value, 40)}” in ${part}`);
            // Of the styles of cells a workbook has no more than thousands.
            if (key === 's' && value.length > 4) this.note(`the style “${quoteForFinding(value, 40)}”`);
          }
        }
        handler.open?.(name, attributes);
      },
      close: name => {
        open.pop();
        [isAfterOpening, isAfterText] = [false, false];
        handler.close?.(name);
      },
      text: text => {
        if (text.trim() !== '') {
          if (!isAfterOpening) noteMixedText();
          isAfterText = true;
        }
        if (visible.text(open.at(-1) ?? '')) this.#show(text);
        else if (text.trim() !== '') this.judgeText(text.trim(), part);
        else if (text.length > 1 && !(/^\r?\n[ \t]*$/.test(text) && text.length <= 3 + 2 * open.length))
          this.note(`white space in ${part}`);
        handler.text?.(text);
      },
      cdata: () => {
        throw new UnreadableError('its XML is written unusually');
      },
      remark: text => this.judgeText(`comment ${text}`, part),
    };
  }

  report(): void {
    if (this.#unseenBytes > MAX_UNSEEN_BYTES) this.note('settings of more than 1 MB');
    if (this.#digits > MAX_DIGITS) this.note('far more numbers than programs write');
    if (this.#markupLength > MAX_MARKUP.length + MAX_MARKUP.perCharacter * this.#shownLength)
      this.note('far more markup than words');
    if (!this.#findings.runs('office.unseen') || this.#strange.size === 0) return;
    const examples = [...this.#strange.keys()].slice(0, 5).join(', ');
    const count = [...this.#strange.values()].reduce((sum, times) => sum + times, 0);
    this.#findings.add(
      'office.unseen',
      `It holds what no reviewer is shown: ${examples}. Remove it, or submit the values alone.`,
      [],
      count,
    );
  }

  /** Counts what a value has room for, once however often it comes. */
  #countDigits(value: string, digits: number): void {
    if (digits === 0 || this.#digits > MAX_DIGITS || this.#numbers.has(value)) return;
    this.#numbers.add(value);
    this.#digits += digits;
  }

  #show(text: string): void {
    this.#shownLength += text.length;
    if (text.length <= 100 && this.#shownTexts.size < 10_000) this.#shownTexts.add(text.trim());
  }
}
