import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import * as z from 'zod';
import { type ArchivedFile, type ArchiveFile, archiveFiles } from './archive.ts';
import { decryptStream, encryptStream, StreamError } from './stream-cipher.ts';

/** Of a segment of a packed file. Two of them are in memory at a time. */
const SEGMENT_BYTES = 1024 * 1024;
export const MAX_HEADER_BYTES = 4096;

/**
 * The first line of a packed file: the key that the file's own key is encrypted with, and the encryption context for it.
 * It is authenticated with the rest, so it belongs to this file only.
 */
export const PackHeader = z.strictObject({
  format: z.literal('broch-pack-1'),
  kmsKey: z.string(),
  /** Base64. */
  wrappedKey: z.string(),
  context: z.record(z.string(), z.string()),
});
export type PackHeader = z.infer<typeof PackHeader>;

/** A data key of KMS: the key itself, used once and forgotten, and its encrypted form. */
export interface DataKey {
  readonly plaintext: Uint8Array;
  readonly wrappedKey: string;
}

export interface PackResult {
  /** Of the packed bytes, for the manifest of a run. */
  readonly sha256: string;
  readonly bytes: number;
  /** The files, for a bill of materials; empty if no bill is made. */
  readonly files: readonly ArchivedFile[];
}

function headerLine(header: PackHeader): Uint8Array {
  const text = canonicalize(PackHeader.parse(header));
  const line = Buffer.from(`${text}\n`);
  if (line.length > MAX_HEADER_BYTES) throw new RangeError('the header of a packed file is too long');
  return line;
}

/**
 * Packs files for a loader: one archive, encrypted under a key of its own. Memory does not grow with the files. Without a
 * bill of materials each byte is hashed only once, which saves time for large data.
 */
export async function* packFiles(
  files: readonly ArchiveFile[],
  header: Omit<PackHeader, 'format' | 'wrappedKey'>,
  { plaintext, wrappedKey }: DataKey,
  finish: (result: PackResult) => void,
  { bill = true }: { readonly bill?: boolean } = {},
): AsyncGenerator<Uint8Array> {
  const line = headerLine({ format: 'broch-pack-1', ...header, wrappedKey });
  const hash = createHash('sha256').update(line);
  let bytes = line.length;
  yield line;
  const archived: ArchivedFile[] = [];
  const archive = archiveFiles(files, bill ? file => archived.push(file) : undefined);
  for await (const chunk of encryptStream(archive, plaintext, { segmentBytes: SEGMENT_BYTES, context: line })) {
    hash.update(chunk);
    bytes += chunk.length;
    yield chunk;
  }
  finish({ sha256: hash.digest('hex'), bytes, files: archived });
}

/** Reads the first line of a packed file, and gives the rest. */
async function readPackHeader(source: AsyncIterable<Uint8Array>) {
  const iterator = source[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  let end = -1;
  while (end < 0) {
    const result = await iterator.next();
    if (result.done || start.length > MAX_HEADER_BYTES)
      throw new StreamError('The file was not packed by `broch enclave pack`.');
    start = Buffer.concat([start, result.value]);
    end = start.indexOf(10);
  }
  const line = start.subarray(0, end + 1);
  async function* rest() {
    yield start.subarray(end + 1) as Uint8Array;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { header: parsePackHeader(line), line, rest: rest() };
}

export function parsePackHeader(line: Uint8Array): PackHeader {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(line).toString());
  } catch {
    throw new StreamError('The first line of the packed file is not JSON.');
  }
  const header = PackHeader.safeParse(json);
  if (!header.success) throw new StreamError('The first line of the packed file is not that of a packed file.');
  return header.data;
}

/** The archive in a packed file, decrypted: what the loader reads inside the enclave. */
export async function* unpackArchive(
  source: AsyncIterable<Uint8Array>,
  unwrap: (header: PackHeader) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const { header, line, rest } = await readPackHeader(source);
  yield* decryptStream(rest, await unwrap(header), { segmentBytes: SEGMENT_BYTES, context: line });
}

/** The bill of materials of a packed artefact, in CycloneDX. */
export const billOfMaterials = (name: string, { sha256, files }: PackResult) => ({
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: { component: { type: 'application', name, hashes: [{ alg: 'SHA-256', content: sha256 }] } },
  components: files.map(file => ({
    type: 'file',
    name: file.path,
    hashes: [{ alg: 'SHA-256', content: file.sha256 }],
    properties: [{ name: 'size', value: String(file.size) }],
  })),
});
