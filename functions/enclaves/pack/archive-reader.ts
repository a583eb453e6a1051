import { Refused } from '../../refused.ts';
import type { RunManifest } from '../schemas.ts';
import { StreamError } from './stream-cipher.ts';

const BLOCK = 512;
/** The names that the loader permits for outputs. */
const outputName = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export interface OutputFile {
  readonly name: string;
  readonly content: Uint8Array;
}

const textOf = (field: Uint8Array) => Buffer.from(field).toString('latin1').split('\0')[0] ?? '';

/** The files in an archive of outputs: plain files with plain names, as the loader writes them, and nothing else. */
export function readOutputArchive(archive: Uint8Array): OutputFile[] {
  const files: OutputFile[] = [];
  for (let offset = 0; offset + BLOCK <= archive.length; ) {
    const header = archive.subarray(offset, offset + BLOCK);
    if (header.every(byte => byte === 0)) return files;
    const name = textOf(header.subarray(0, 100));
    const size = Number.parseInt(textOf(header.subarray(124, 136)).trim(), 8);
    const isPlain = header[156] === 48 || header[156] === 0;
    const end = offset + BLOCK + size;
    if (!isPlain || !outputName.test(name) || !(size >= 0) || end > archive.length)
      throw new StreamError('The archive of outputs holds something that is no plain file with a plain name.');
    if (files.some(file => file.name === name)) throw new StreamError('The archive of outputs names a file twice.');
    files.push({ name, content: archive.subarray(offset + BLOCK, end) });
    offset = end + ((BLOCK - (size % BLOCK)) % BLOCK);
  }
  throw new StreamError('The archive of outputs has no end.');
}

/**
 * The loader enforces these limits too. This check does not rely on the loader. The reason names the limits but not the
 * size of the outputs, because both parties read it before anybody has reviewed the outputs.
 */
export function requirePermittedOutputs(
  { outputs: { maxBytes, maxFiles } }: Pick<RunManifest, 'outputs'>,
  files: readonly OutputFile[],
): void {
  const bytes = files.reduce((total, { content }) => total + content.length, 0);
  if (files.length > maxFiles || bytes > maxBytes)
    throw new Refused(
      'large',
      `The outputs have more than the ${maxFiles} files or ${maxBytes} bytes that the manifest permits.`,
    );
}
