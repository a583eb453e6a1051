import { constants } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Finding } from '../../functions/identifiers.ts';
import { bagTagFiles, compareWithManifest } from '../../functions/ingest/compare.ts';
import { manifestLimits } from '../../functions/ingest/manifest.ts';
import { type ManifestName, manifestNames } from '../../functions/ingest/schemas.ts';
import { pathFinding } from '../../functions/storage/paths.ts';
import type { CommandContext } from './commands.ts';
import { ExitError } from './exit.ts';
import { escapeForTerminal, formatColumns, formatCount } from './output.ts';

/** A file to deliver. `real` is where it is read: elsewhere in the folder when `path` is a link to it. */
export interface LocalFile {
  readonly path: string;
  readonly real: string;
  readonly size: number;
  readonly mtime: number;
}

/** All files below a folder, sorted by path, and what in it can't be delivered. Links must stay inside the folder. */
export async function walkFolder(folder: string): Promise<{ files: LocalFile[]; findings: Finding[] }> {
  const root = await realpath(folder);
  const files: LocalFile[] = [];
  const findings: Finding[] = [];

  async function link(path: string, at: string): Promise<void> {
    const real = await realpath(at).catch(() => undefined);
    if (real === undefined) findings.push(pathFinding(path, 'It is a link to nothing. Put the file itself there.'));
    else if (!real.startsWith(root + sep))
      findings.push(pathFinding(path, 'It is a link that leads out of the folder. Put the file itself there.'));
    else {
      const target = await stat(real);
      if (target.isFile()) files.push({ path, real, size: target.size, mtime: target.mtimeMs });
      else findings.push(pathFinding(path, 'It is a link to a folder. Put the folder itself there.'));
    }
  }

  async function enter(at: string, prefix: string): Promise<void> {
    for (const entry of await readdir(at, { withFileTypes: true })) {
      const path = prefix + entry.name;
      const here = join(at, entry.name);
      // Names that aren't UTF-8 come with this sign in them, and can't be opened by it.
      if (path.includes('\ufffd')) findings.push(pathFinding(path, 'Its name is not UTF-8. Rename it.'));
      else if (entry.isDirectory()) await enter(here, `${path}/`);
      else if (entry.isSymbolicLink()) await link(path, here);
      else if (entry.isFile()) {
        const { size, mtimeMs } = await lstat(here);
        files.push({ path, real: here, size, mtime: mtimeMs });
      } else findings.push(pathFinding(path, 'It is neither a file nor a folder. Take it out.'));
    }
  }

  await enter(root, '');
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, findings };
}

/** Opens a file to read what was found by `walk`, and nothing that was put in its place as a link since. */
export const openLocalFile = (file: LocalFile) => open(file.real, constants.O_RDONLY | constants.O_NOFOLLOW);

/** What completes the delivery: the folder's own list, a file beside it, or one that is written from what is sent. */
export interface LocalManifest {
  readonly name: ManifestName;
  /** Undefined where it has yet to be written. */
  readonly text: Uint8Array | undefined;
}

async function textOf({ real, size }: Pick<LocalFile, 'real' | 'size'>): Promise<Uint8Array> {
  // One byte more than is allowed is enough to be told so.
  const length = Math.min(size, manifestLimits.bytes + 1);
  await using handle = await open(real);
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}

export async function readLocalManifest(
  files: readonly LocalFile[],
  beside: string | undefined,
): Promise<LocalManifest> {
  if (beside !== undefined)
    return { name: 'SHA256SUMS', text: await textOf({ real: beside, size: (await stat(beside)).size }) };
  const own = manifestNames.map(name => files.find(({ path }) => path === name)).find(found => found !== undefined);
  return own ? { name: own.path as ManifestName, text: await textOf(own) } : { name: 'SHA256SUMS', text: undefined };
}

/** A list of files as sha256sum writes it. */
export const formatChecksumList = (files: readonly { path: string; sha256: string }[]): string =>
  files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('');

/**
 * What the check of the delivery would find, as far as names, sizes and lists go: by the very code that will check it.
 * `sums` are the checksums that the folder's own list promises.
 */
export async function precheckDelivery(dataset: string, files: readonly LocalFile[], manifest: LocalManifest) {
  const texts = new Map<string, Uint8Array>();
  for (const file of files) if (bagTagFiles.some(name => name === file.path)) texts.set(file.path, await textOf(file));
  const unknown = files.map(({ path }) => ({ path, sha256: '0'.repeat(64) }));
  texts.set(manifest.name, manifest.text ?? Buffer.from(formatChecksumList(unknown)));
  const present = files.map(({ path, size }) => ({ path, size, version: '', etag: '' }));
  const compared = compareWithManifest({ dataset, manifest: manifest.name, present, texts });
  return {
    findings: compared.findings,
    sums: new Map(manifest.text ? compared.files.map(({ path, sha256 }) => [path, sha256]) : []),
  };
}

export async function resolveFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw new ExitError('usage', `${path} is ${found ? 'not a folder' : 'not there'}.`);
  return realpath(path);
}

export const formatFindings = (findings: readonly Finding[]) =>
  formatColumns(
    findings.map(({ path, reason }) => [escapeForTerminal(path), escapeForTerminal(reason)]),
    ['path', 'reason'],
  );

/** Refuses before anything is uploaded: every problem is reported, file by file. */
export function refuseUpload(findings: readonly Finding[], context: CommandContext, remedy: string): never {
  const shown = findings.slice(0, 200);
  const rest = findings.length - shown.length;
  if (!context.json) context.remark(`${formatFindings(shown)}\n${rest > 0 ? `and ${formatCount(rest)} more\n` : ''}`);
  throw new ExitError(
    'refused',
    `${formatCount(findings.length)} ${findings.length === 1 ? 'thing is' : 'things are'} wrong with this folder. ${remedy}`,
    {
      ...(context.json && { errors: findings.map(({ path, reason }) => `${path || 'delivery'}: ${reason}`) }),
    },
  );
}
