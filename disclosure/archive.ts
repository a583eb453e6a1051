import type { ByteSource } from './byte-source.ts';
import { UnreadableError } from './bytes.ts';
import { type Findings, quoteForFinding } from './findings.ts';
import { readZipDirectory, type ZipEntry } from './zip.ts';

/** Names of entries that would be written elsewhere, hide something or are themselves archives. */
const nested = /\.(zip|jar|gz|tgz|bz2|xz|7z|rar|zst|tar|docm|xlsm|pptm)$/i;
const escapes = (name: string) => /(^|[\\/])\.\.([\\/]|$)|^[\\/]|^[a-z]:|\0|\\/i.test(name);

/** The limits that hold for archives and for the archives that office files are. */
export function checkZipEntries(
  entries: readonly ZipEntry[],
  size: number,
  findings: Findings,
  archive: boolean,
): void {
  if (!findings.runs('archive.unsafe')) return;
  const { ratio, files, bytes } = findings.policy.rules['archive.unsafe'];
  const unsafe = (message: string) => findings.add('archive.unsafe', message);
  const unpacked = entries.reduce((sum, entry) => sum + entry.size, 0);
  if (entries.length > files) unsafe(`It has ${entries.length} entries; ${files} are the most.`);
  if (unpacked > bytes)
    unsafe(`It unpacks to ${Math.ceil(unpacked / 2 ** 20)} MB; ${Math.floor(bytes / 2 ** 20)} MB are the most.`);
  if (unpacked > 2 ** 20 && unpacked > size * ratio)
    unsafe(`It unpacks to more than ${ratio} times its size, as an archive bomb does.`);
  const names = entries.map(({ name }) => name.normalize('NFC').toLowerCase());
  if (new Set(names).size < names.length)
    unsafe('Two entries have the same name, so programs differ in which they show.');
  for (const { name, isEncrypted, isSymlink } of entries.slice(0, 10_000)) {
    if (escapes(name)) unsafe(`The entry “${quoteForFinding(name)}” would be written outside of its folder.`);
    if (isEncrypted) unsafe(`The entry “${quoteForFinding(name)}” is encrypted, so nobody can check it.`);
    if (isSymlink) unsafe(`The entry “${quoteForFinding(name)}” is a link to another place.`);
    if (archive && nested.test(name)) unsafe(`The entry “${quoteForFinding(name)}” is an archive in an archive.`);
  }
}

/** An archive leaves only file by file. What a zip holds is listed all the same, so that the refusal helps. */
export async function checkArchive(
  name: string,
  isZip: boolean,
  source: ByteSource,
  findings: Findings,
): Promise<void> {
  let contents = '';
  if (isZip) {
    try {
      const entries = await readZipDirectory(source);
      checkZipEntries(entries, source.size, findings, true);
      const examples = entries.slice(0, 5).map(({ name }) => `“${quoteForFinding(name, 40)}”`);
      contents = ` It holds ${entries.length} files${examples.length > 0 ? `, such as ${examples.join(', ')}` : ''}.`;
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      findings.add('archive.unsafe', `It cannot be listed: ${error.message}. Submit the files themselves.`);
    }
  }
  if (findings.runs('archive.refused'))
    findings.add('archive.refused', `It is ${name}, which hides what leaves.${contents} Submit the files themselves.`);
}
