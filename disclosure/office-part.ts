import type { ByteSource } from './byte-source.ts';
import { concat } from './bytes.ts';
import { plainXml } from './xml.ts';
import { type ZipEntry, zipContent } from './zip.ts';

/** The longest part that is held whole: relations, properties, the workbook's own list. */
const longestPart = 8 * 2 ** 20;

export async function partText(source: ByteSource, entry: ZipEntry, most = longestPart): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of zipContent(source, entry, most)) parts.push(part.slice());
  return plainXml(new TextDecoder().decode(concat(parts)));
}
