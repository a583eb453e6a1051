import type { ByteSource } from '../../disclosure/byte-source.ts';
import { startsWithBytes, UnreadableError } from '../../disclosure/bytes.ts';
import { extensionOf } from '../../disclosure/file.ts';
import { contradictsExtension, sniffMediaType } from '../../disclosure/sniff.ts';
import { readZipDirectory, type ZipEntry } from '../../disclosure/zip.ts';
import { findPathClashes, pathProblem, visiblePath } from '../storage/paths.ts';
import { nestedName } from './archive-stream.ts';

/** A zip may unpack to this many times its size. Texts reach 20, archive bombs 1,000 and more. */
const MAX_RATIO = 200;
const MAX_UNPACKED_BYTES = 1024 ** 4;
const MAX_ENTRIES = 100_000;

/** Archives that cannot be looked into as they pass. */
const closedArchives: Readonly<Record<string, string>> = {
  'application/x-bzip2': 'bzip2',
  'application/x-xz': 'xz',
  'application/x-7z-compressed': '7z',
  'application/vnd.rar': 'RAR',
  'application/zstd': 'zstd',
};

/** Office files are zips, and their names say so. */
const zipExtensions = new Set(['zip', 'docx', 'xlsx', 'pptx', 'npz', 'jar', 'odt', 'ods', 'pt', 'pth', 'whl', 'gz']);

/** What a file's first bytes show against its name; undefined if nothing. */
export function kindProblem(path: string, head: Uint8Array): string | undefined {
  if (head.length === 0) return undefined;
  const type = sniffMediaType(head, path);
  if (isProgram(head))
    return 'Its first bytes are those of a program. Programs are not data: deliver it without this file.';
  const archive = closedArchives[type];
  if (archive !== undefined)
    return `It is a ${archive} archive, which cannot be checked. Deliver the files themselves, or a zip.`;
  if (type === 'application/zip' && zipExtensions.has(extensionOf(path))) return undefined;
  if (contradictsExtension(path, type))
    return `Its name ends in .${extensionOf(path)}, but its first bytes are those of ${type}. Rename it, or deliver the right file.`;
  return undefined;
}

const isProgram = (head: Uint8Array): boolean =>
  startsWithBytes(head, [0x7f, 0x45, 0x4c, 0x46]) || (startsWithBytes(head, 'MZ') && head.includes(0));

const isZip = (head: Uint8Array): boolean =>
  startsWithBytes(head, [0x50, 0x4b, 3, 4]) || startsWithBytes(head, [0x50, 0x4b, 5, 6]);

function entryProblem({ name, isEncrypted, isSymlink }: ZipEntry): string | undefined {
  if (isEncrypted) return `Its entry ${visiblePath(name)} is encrypted.`;
  if (isSymlink) return `Its entry ${visiblePath(name)} is a link to another place.`;
  if (nestedName.test(name)) return `Its entry ${visiblePath(name)} is an archive in an archive.`;
  const problem = name.endsWith('/') ? undefined : pathProblem(name, 1024);
  return problem && `Its entry ${visiblePath(name)}: ${problem}`;
}

/** What is wrong with the entries of a zip by its directory. Nothing is unpacked. */
function zipProblems(entries: readonly ZipEntry[], size: number): string[] {
  const unpacked = entries.reduce((sum, entry) => sum + entry.size, 0);
  const isBomb = unpacked > 2 ** 20 && (unpacked > size * MAX_RATIO || unpacked > MAX_UNPACKED_BYTES);
  return [
    ...(entries.length > MAX_ENTRIES ? [`It has ${entries.length} entries; ${MAX_ENTRIES} are the most.`] : []),
    ...(isBomb ? [`It unpacks to ${unpacked} bytes, as an archive bomb does.`] : []),
    ...entries.slice(0, MAX_ENTRIES).flatMap(entry => entryProblem(entry) ?? []),
    ...findPathClashes(entries.slice(0, MAX_ENTRIES).map(({ name }) => name.replace(/\/$/, ''))).map(
      ({ path, reason }) => `Its entry ${path}: ${reason}`,
    ),
  ].slice(0, 20);
}

/** Looks into a zip by its directory at the end. */
export async function archiveProblems(head: Uint8Array, source: ByteSource): Promise<string[]> {
  if (!isZip(head)) return [];
  try {
    return zipProblems(await readZipDirectory(source), source.size);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return [`It is a zip that cannot be checked: ${error.message}. Pack it again, or deliver the files themselves.`];
  }
}
