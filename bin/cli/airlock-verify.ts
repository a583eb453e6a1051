import { existsSync } from 'node:fs';
import * as z from 'zod';
import type { ReleaseRecord } from '../../functions/airlock/release/record.ts';
import { compare, type Difference, judge, pinOf } from '../../functions/airlock/release/verify.ts';
import { textAt, tree } from './airlock-tree.ts';
import { type Context, command } from './commands.ts';
import { Exit } from './exit.ts';
import { bytes, columns, grouped, safe, time } from './output.ts';
import { Live } from './progress.ts';

/** The key to trust, from a PEM file or a fingerprint. */
export async function pinned(key: string | undefined): Promise<string | undefined> {
  if (key === undefined) return undefined;
  const pin = pinOf(existsSync(key) ? await textAt(key) : key);
  if (pin === undefined)
    throw new Exit('usage', `--key: ${key} is neither a file with a public key (PEM) nor a SHA-256 fingerprint.`);
  return pin;
}

/** The record of a release file whose signature holds; everything else ends the command. */
export async function trusted(
  file: string,
  pin: string | undefined,
): Promise<{ record: ReleaseRecord; fingerprint: string }> {
  const { record, fingerprint, wrong } = judge(await textAt(file), pin);
  if (record && fingerprint !== undefined && wrong.length === 0) return { record, fingerprint };
  throw new Exit('refused', `${file} can't be trusted.`, { errors: wrong });
}

/** Compares a folder with a record and says how it is; differences end the command as refused. */
export async function verified(record: ReleaseRecord, folder: string, context: Context): Promise<void> {
  using live = new Live(context);
  const all = record.files.reduce((sum, { size }) => sum + size, 0);
  const started = Date.now();
  let read = 0;
  const found = await tree(folder, count => {
    read += count;
    // A small release is read before anybody could read about it.
    if (Date.now() - started > 1000) live.figures(`read ${bytes(read)} of ${bytes(all)}`);
  });
  live.end();
  const differences = compare(record, found);
  if (differences.length > 0) differ(differences, context);
}

function differ(differences: readonly Difference[], context: Context): never {
  const shown = differences.slice(0, 200);
  const rest = differences.length - shown.length;
  if (!context.json) {
    const table = columns(
      shown.map(({ path, kind, reason }) => [safe(path), kind, safe(reason)]),
      ['path', 'is', 'reason'],
    );
    context.remark(`${table}\n${rest > 0 ? `and ${grouped(rest)} more\n` : ''}`);
  }
  const count = `${grouped(differences.length)} ${differences.length === 1 ? 'difference' : 'differences'}`;
  throw new Exit('refused', `This folder is not what was released: ${count}.`, {
    ...(context.json && { errors: differences.map(({ path, kind, reason }) => `${path}: ${kind}: ${reason}`) }),
  });
}

/** What a good record says, for people. */
export function told(record: ReleaseRecord, fingerprint: string): string {
  const size = record.files.reduce((sum, file) => sum + file.size, 0);
  return columns([
    ['request', `${safe(record.request)}, round ${record.round}, of project ${safe(record.project)}`],
    ['files', `${grouped(record.files.length)}, ${bytes(size)}`],
    ['sealed', time(record.seal.sealedAt)],
    ['approved', `${time(record.approvedAt)} by ${record.reviewers.map(({ id }) => safe(id)).join(', ')}`],
    ['released', `${time(record.releasedAt)} to ${safe(record.recipient)}`],
    ['policy', safe(record.policy)],
    ['signed with', `SHA256:${fingerprint}`],
  ]);
}

export const verify = command({
  words: ['airlock', 'verify'],
  summary: 'Check a released folder against its signed record, without asking anybody',
  about: [
    'Needs no network, no profile and nobody signed in. Checks the signature, then every file: missing, extra, changed,',
    'renamed, links, and names that only look the same. Ends with 0 when all is as released, with 3 when not.',
    'A signature shows who made a record only to somebody who has the key from elsewhere than the record: keep it once',
    'with `broch airlock key`, compare its fingerprint with others who have it, and give it as --key ever after. Without',
    '--key this only shows that nothing was changed since somebody signed it, and prints with which key.',
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
    const pin = await pinned(flags.key);
    const { record, fingerprint } = await trusted(params.record, pin);
    await verified(record, params.folder, context);
    const { files, ...about } = record;
    context.result(
      { ok: true, key: { fingerprint, pinned: pin !== undefined }, record: { ...about, files: files.length } },
      `Everything is here as it was released, byte for byte.\n\n${told(record, fingerprint)}`,
    );
    if (pin === undefined)
      context.remark(
        'Whose key that is, this command cannot know: keep the key once with `broch airlock key`, then say --key.',
      );
    if (record.expires < new Date().toISOString())
      context.remark(`The permission to fetch it ended ${time(record.expires)}.`);
    return 'ok';
  },
});
