import { existsSync } from 'node:fs';
import * as z from 'zod';
import type { ReleaseRecord } from '../../functions/airlock/release/record.ts';
import {
  compareFiles,
  type FileDifference,
  parseKeyPin,
  verifyRecord,
} from '../../functions/airlock/release/verify.ts';
import { hashTree, readTextFile } from './airlock-tree.ts';
import { type CommandContext, defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { formatFields } from './layout.ts';
import { escapeForTerminal, formatBytes, formatColumns, formatCount, formatTime } from './output.ts';
import { ProgressLine } from './progress.ts';

/** The key to trust, from a PEM file or a fingerprint. */
export async function resolvePin(key: string | undefined): Promise<string | undefined> {
  if (key === undefined) return undefined;
  const pin = parseKeyPin(existsSync(key) ? await readTextFile(key) : key);
  if (pin === undefined)
    throw new ExitError('usage', `--key: ${key} is neither a file with a public key (PEM) nor a SHA-256 fingerprint.`);
  return pin;
}

/** Reads a release record whose signature is valid. Otherwise the command ends. */
export async function readTrustedRecord(
  file: string,
  pin: string | undefined,
): Promise<{ record: ReleaseRecord; fingerprint: string }> {
  const { record, fingerprint, wrong } = verifyRecord(await readTextFile(file), pin);
  if (record && fingerprint !== undefined && wrong.length === 0) return { record, fingerprint };
  throw new ExitError('refused', `${file} is not a valid release record.`, { errors: wrong });
}

/** Compares a folder with a record. Reports any differences and ends the command as refused. */
export async function verifyFolder(record: ReleaseRecord, folder: string, context: CommandContext): Promise<void> {
  using live = new ProgressLine(context);
  const totalBytes = record.files.reduce((sum, { size }) => sum + size, 0);
  const started = Date.now();
  let read = 0;
  const files = await hashTree(folder, count => {
    read += count;
    // A small release is read too quickly to show progress.
    if (Date.now() - started > 1000) live.figures(`read ${formatBytes(read)} of ${formatBytes(totalBytes)}`);
  });
  live.end();
  const differences = compareFiles(record, files);
  if (differences.length > 0) differ(differences, context);
}

function differ(differences: readonly FileDifference[], context: CommandContext): never {
  const listing = differences.slice(0, 200);
  const rest = differences.length - listing.length;
  if (!context.json) {
    const table = formatColumns(
      listing.map(({ path, kind, reason }) => [escapeForTerminal(path), kind, escapeForTerminal(reason)]),
      ['path', 'is', 'reason'],
    );
    context.remark(`${table}\n${rest > 0 ? `and ${formatCount(rest)} more\n` : ''}`);
  }
  const count = `${formatCount(differences.length)} ${differences.length === 1 ? 'difference' : 'differences'}`;
  throw new ExitError('refused', `This folder differs from the release: ${count}.`, {
    ...(context.json && { errors: differences.map(({ path, kind, reason }) => `${path}: ${kind}: ${reason}`) }),
  });
}

/** A verified record as text. */
export function formatReleaseRecord(record: ReleaseRecord, fingerprint: string, width: number | undefined): string {
  const size = record.files.reduce((sum, file) => sum + file.size, 0);
  const rows: [string, string][] = [
    [
      'request',
      `${escapeForTerminal(record.request)}, round ${record.round}, of project ${escapeForTerminal(record.project)}`,
    ],
    ['files', `${formatCount(record.files.length)}, ${formatBytes(size)}`],
    ['sealed', formatTime(record.seal.sealedAt)],
    [
      'approved',
      `${formatTime(record.approvedAt)} by ${record.reviewers.map(({ id, extent }) => `${escapeForTerminal(id)}${extent === 'part' ? ', who saw files only in part' : ''}`).join(', ')}`,
    ],
    ['released', `${formatTime(record.releasedAt)} to ${escapeForTerminal(record.recipient)}`],
    ['policy', escapeForTerminal(record.policy)],
    ['signed with', `SHA256:${fingerprint}`],
  ];
  return formatFields(rows, width);
}

export const airlockVerifyCommand = defineCommand({
  words: ['airlock', 'verify'],
  summary: 'Check a released folder against its signed record, offline',
  notes: [
    'Needs no network, no profile and no sign-in. Checks the signature, then every file: missing, extra, changed,',
    'renamed, links, and names that only look the same. The exit code is 0 if everything matches, and 3 if not.',
    'A signature proves the origin of a record only if you have the key from another source: save it once with',
    "`broch airlock key`, compare its fingerprint with a colleague's copy, and pass it as --key. Without --key this",
    'shows only that nothing has changed since the record was signed, and prints the fingerprint of the key.',
  ],
  examples: [
    'airlock verify asthma/release.json asthma/files --key release-key.pem',
    'airlock verify asthma/release.json asthma/files',
  ],
  params: z.object({
    record: z.string().min(1).describe('release.json'),
    folder: z.string().min(1).describe('the folder with the released files'),
  }),
  flags: z.object({
    key: z.string().min(1).optional().describe('the key to trust: a PEM file, or the SHA-256 fingerprint'),
  }),
  async run({ params, flags }, context) {
    const pin = await resolvePin(flags.key);
    const { record, fingerprint } = await readTrustedRecord(params.record, pin);
    await verifyFolder(record, params.folder, context);
    const { files, ...summary } = record;
    context.result(
      { ok: true, key: { fingerprint, pinned: pin !== undefined }, record: { ...summary, files: files.length } },
      `Every file matches the release, byte for byte.\n\n${formatReleaseRecord(record, fingerprint, context.width)}`,
    );
    if (pin === undefined)
      context.remark(
        'The owner of this key was not checked: save the key once with `broch airlock key`, then pass it with --key.',
      );
    if (record.expires < new Date().toISOString())
      context.remark(`The download of this release ended ${formatTime(record.expires)}.`);
    return 'ok';
  },
});
