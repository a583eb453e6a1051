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
import { hangingText, indentedTexts } from './layout.ts';
import { escapeForTerminal, fitColumns, formatCount } from './output.ts';

/** A file to deliver. `real` is the path to read, which differs from `path` when that is a link. */
export interface LocalFile {
  readonly path: string;
  readonly real: string;
  readonly size: number;
  readonly mtime: number;
  readonly isLink?: true;
}

/** Lists all files below a folder by path, with findings for entries that cannot be delivered. Links must stay inside. */
export async function walkFolder(folder: string): Promise<{ files: LocalFile[]; findings: Finding[] }> {
  const root = await realpath(folder);
  const files: LocalFile[] = [];
  const findings: Finding[] = [];

  async function link(path: string, location: string): Promise<void> {
    const real = await realpath(location).catch(() => undefined);
    if (real === undefined)
      findings.push(pathFinding(path, 'This link points to nothing. Replace it by the file itself.'));
    else if (!real.startsWith(root + sep))
      findings.push(pathFinding(path, 'This link points outside the folder. Replace it by the file itself.'));
    else {
      const target = await stat(real);
      if (target.isFile()) files.push({ path, real, size: target.size, mtime: target.mtimeMs, isLink: true });
      else findings.push(pathFinding(path, 'This is a link to a folder. Replace it by the folder itself.'));
    }
  }

  async function enter(directory: string, prefix: string): Promise<void> {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = prefix + entry.name;
      const location = join(directory, entry.name);
      // Node puts U+FFFD in names that are not UTF-8, and such a name cannot be opened.
      if (path.includes('\ufffd')) findings.push(pathFinding(path, 'The name is not UTF-8. Rename it.'));
      else if (entry.isDirectory()) await enter(location, `${path}/`);
      else if (entry.isSymbolicLink()) await link(path, location);
      else if (entry.isFile()) {
        const { size, mtimeMs } = await lstat(location);
        files.push({ path, real: location, size, mtime: mtimeMs });
      } else findings.push(pathFinding(path, 'This is neither a file nor a folder. Remove it.'));
    }
  }

  await enter(root, '');
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, findings };
}

/** Opens a file that `walkFolder` found; fails if a link has replaced it since. */
export const openLocalFile = (file: LocalFile) => open(file.real, constants.O_RDONLY | constants.O_NOFOLLOW);

/** The manifest that completes a delivery: from the folder, from a file outside it, or made from the uploaded files. */
export interface LocalManifest {
  readonly name: ManifestName;
  /** Undefined when it has to be made. */
  readonly text: Uint8Array | undefined;
}

async function textOf({ real, size }: Pick<LocalFile, 'real' | 'size'>): Promise<Uint8Array> {
  // One byte over the limit is enough for the check to report it.
  const length = Math.min(size, manifestLimits.bytes + 1);
  await using handle = await open(real);
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}

export async function readLocalManifest(
  files: readonly LocalFile[],
  externalFile: string | undefined,
): Promise<LocalManifest> {
  if (externalFile !== undefined)
    return { name: 'SHA256SUMS', text: await textOf({ real: externalFile, size: (await stat(externalFile)).size }) };
  const manifest = manifestNames.map(name => files.find(({ path }) => path === name)).find(file => file !== undefined);
  return manifest
    ? { name: manifest.path as ManifestName, text: await textOf(manifest) }
    : { name: 'SHA256SUMS', text: undefined };
}

/** A list of checksums in the format of sha256sum. */
export const formatChecksumList = (files: readonly { path: string; sha256: string }[]): string =>
  files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('');

/**
 * Runs the service's own checks of names, sizes and manifest before the upload. `sums` are the checksums in the
 * folder's manifest.
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
  const entry = await stat(path).catch(() => undefined);
  if (!entry?.isDirectory()) throw new ExitError('usage', `${path} ${entry ? 'is not a folder' : 'does not exist'}.`);
  return realpath(path);
}

/** Findings as a table, or on a narrow screen each path with its reason below it. */
export function formatFindings(findings: readonly Finding[], width: number | undefined): string {
  const rows = findings.map(({ path, reason }) => [escapeForTerminal(path), escapeForTerminal(reason)]);
  return (
    fitColumns(rows, ['path', 'reason'], [], width) ??
    rows.map(([path = '', reason = '']) => `${hangingText(path, width)}\n${indentedTexts([reason], width)}`).join('\n')
  );
}

/** Reports every problem, file by file, and ends the command before anything is uploaded. */
export function refuseUpload(findings: readonly Finding[], context: CommandContext, remedy: string): never {
  const listing = findings.slice(0, 200);
  const rest = findings.length - listing.length;
  if (!context.json)
    context.remark(`${formatFindings(listing, context.width)}\n${rest > 0 ? `and ${formatCount(rest)} more\n` : ''}`);
  throw new ExitError(
    'refused',
    `This folder has ${formatCount(findings.length)} ${findings.length === 1 ? 'problem' : 'problems'}. ${remedy}`,
    {
      ...(context.json && { errors: findings.map(({ path, reason }) => `${path || 'delivery'}: ${reason}`) }),
    },
  );
}
