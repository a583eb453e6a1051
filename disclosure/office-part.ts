import type { ByteSource } from './byte-source.ts';
import { UnreadableError } from './bytes.ts';
import { type XmlHandler, XmlReader } from './xml-reader.ts';
import { readZipContent, type ZipEntry } from './zip.ts';

/** The longest part whose content is held, such as the words of a document. A sheet may be longer. */
export const MAX_PART_BYTES = 64 * 2 ** 20;

/** Reads one part of an office file as its bytes unpack. Returns whether a tag in it has white space that none needs. */
export async function readPart(
  source: ByteSource,
  entry: ZipEntry,
  handler: XmlHandler,
  maxBytes = MAX_PART_BYTES,
): Promise<boolean> {
  const reader = new XmlReader(handler);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let [overlap, isSpaced] = ['', false];
  const write = (piece?: Uint8Array) => {
    let text: string;
    try {
      text = decoder.decode(piece, { stream: piece !== undefined });
    } catch {
      throw new UnreadableError('its XML is in another encoding');
    }
    isSpaced ||= /<[^<>]*\s\s/.test(overlap + text);
    overlap = text.slice(-200);
    reader.write(text);
  };
  for await (const piece of readZipContent(source, entry, maxBytes)) write(piece);
  write();
  reader.end();
  return isSpaced;
}
