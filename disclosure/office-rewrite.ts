import { zipSync } from 'fflate';
import { checkZipEntries } from './archive.ts';
import { memorySource } from './byte-source.ts';
import { readWhole, UnreadableError } from './bytes.ts';
import type { FormatRewrite } from './format.ts';
import { XmlReader } from './xml-reader.ts';
import { readZipContent, readZipDirectory } from './zip.ts';

/** An office file that unpacks to more is not written again. */
const MAX_UNPACKED_BYTES = 128 * 2 ** 20;
/** What programs note for themselves, and neither draws nor says anything. */
const noteAttribute = /^(w:rsid\w*|w14:(paraId|textId)|xr\d*:uid)$/;
const noteElement = /^(w:rsids|w:proofErr|xr:revisionPtr)$/;

const escapeText = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#13;');
const escapeAttribute = (text: string) =>
  escapeText(text).replaceAll('"', '&quot;').replaceAll('\t', '&#9;').replaceAll('\n', '&#10;');

/** XML in one form of all that say the same: without comments, white space between tags, or an order of attributes. */
class XmlWriter {
  readonly #output: string[] = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'];
  /** The text since the last tag, and whether that tag has no end yet. */
  #text = '';
  #isOpen = false;
  #skippedDepth = 0;

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (this.#skippedDepth > 0 || noteElement.test(name)) {
      this.#skippedDepth++;
      return;
    }
    this.#endText(false);
    const pairs = Object.entries(attributes).filter(([key]) => !noteAttribute.test(key));
    pairs.sort(([first], [second]) => (first < second ? -1 : 1));
    this.#output.push(`<${name}${pairs.map(([key, value]) => ` ${key}="${escapeAttribute(value)}"`).join('')}`);
    this.#isOpen = true;
  }

  text(text: string): void {
    if (this.#skippedDepth === 0) this.#text += text;
  }

  close(name: string): void {
    if (this.#skippedDepth > 0) {
      this.#skippedDepth--;
      return;
    }
    if (this.#isOpen && this.#text === '') {
      this.#output.push('/>');
      this.#isOpen = false;
      return;
    }
    this.#endText(this.#isOpen);
    this.#output.push(`</${name}>`);
  }

  /** White space is text only where an element holds nothing else. */
  #endText(isWhole: boolean): void {
    if (this.#isOpen) this.#output.push('>');
    if (isWhole || this.#text.trim() !== '') this.#output.push(escapeText(this.#text));
    this.#text = '';
    this.#isOpen = false;
  }

  end(): Uint8Array {
    return Buffer.from(this.#output.join(''));
  }
}

async function rewriteXml(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const writer = new XmlWriter();
  const reader = new XmlReader({
    open: (name, attributes) => writer.open(name, attributes),
    close: name => writer.close(name),
    text: text => writer.text(text),
    cdata: () => {
      throw new UnreadableError('its XML is written unusually');
    },
  });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const piece of content) reader.write(decoder.decode(piece, { stream: true }));
  reader.write(decoder.decode());
  reader.end();
  return writer.end();
}

/** Packs the parts of an office file again, all in one way. Their words stay as they are. */
export const rewriteOffice: FormatRewrite = async (bytes, findings) => {
  const source = memorySource(bytes);
  const entries = await readZipDirectory(source);
  checkZipEntries(entries, bytes.length, findings, false);
  if (entries.reduce((sum, { size }) => sum + size, 0) > MAX_UNPACKED_BYTES) return undefined;
  const parts: Record<string, Uint8Array> = {};
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const content = readZipContent(source, entry, MAX_UNPACKED_BYTES);
    parts[entry.name] = /\.(xml|rels)$/i.test(entry.name)
      ? await rewriteXml(content)
      : await readWhole(content, MAX_UNPACKED_BYTES);
  }
  return zipSync(parts, { mtime: new Date(1980, 0, 1) });
};
