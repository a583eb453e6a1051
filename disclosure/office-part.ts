import type { ByteSource } from './byte-source.ts';
import { concatBytes } from './bytes.ts';
import { requirePlainXml } from './xml.ts';
import { readZipContent, type ZipEntry } from './zip.ts';

/** The longest part that is held whole: relations, properties, the workbook's own list. */
const longestPart = 8 * 2 ** 20;

export async function readPartText(source: ByteSource, entry: ZipEntry, maxBytes = longestPart): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of readZipContent(source, entry, maxBytes)) parts.push(part.slice());
  return requirePlainXml(new TextDecoder().decode(concatBytes(parts)));
}
