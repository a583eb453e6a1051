import { createHash } from 'node:crypto';
import { constants, mkdirSync, readdirSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { bagInfo, bagit, crateOf, manifest, outputs } from '../../functions/airlock/release/crate.ts';
import type { ReleasedFile } from '../../functions/airlock/release/record.ts';
import { strip } from '../../functions/airlock/release/strip.ts';
import { now } from '../../functions/clock.ts';
import { folderAt } from './airlock-tree.ts';
import { pinned, trusted, verified } from './airlock-verify.ts';
import { command } from './commands.ts';
import { Exit } from './exit.ts';
import { grouped } from './output.ts';

interface Packed {
  readonly path: string;
  readonly size: number;
  readonly sha512: string;
}

const sha512 = (content: string | Uint8Array) => createHash('sha512').update(content).digest('hex');

/** Copies one file while it is hashed: what is in the bag is what was compared with the record, read once. */
async function copy(folder: string, data: string, file: ReleasedFile): Promise<Packed> {
  const path = `data/${outputs}${file.path}`;
  await mkdir(dirname(join(data, path)), { recursive: true });
  await using from = await open(join(folder, file.path), constants.O_RDONLY | constants.O_NOFOLLOW);
  await using to = await open(join(data, path), 'wx', 0o644);
  const [short, long] = [createHash('sha256'), createHash('sha512')];
  for await (const chunk of from.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
    short.update(chunk);
    long.update(chunk);
    await to.write(chunk);
  }
  if (short.digest('hex') !== file.sha256) throw new Exit('refused', `${file.path} changed while it was being packed.`);
  return { path, size: file.size, sha512: long.digest('hex') };
}

const isCrate = ({ path }: ReleasedFile) => /(^|\/)ro-crate-metadata\.json(ld)?$/i.test(path);

/** The requester's own crate metadata, without assessments; undefined where it needs no change. */
async function cleaned(folder: string, file: ReleasedFile): Promise<{ text: string; why: string } | undefined> {
  const bytes = await readFile(join(folder, file.path));
  let stripped: ReturnType<typeof strip>;
  try {
    stripped = strip(JSON.parse(bytes.toString('utf8')));
  } catch {
    return {
      text: '{}\n',
      why: 'Emptied: it is no JSON, so nobody can tell what it asserts. The record has its SHA-256.',
    };
  }
  if (stripped.removed === 0) return undefined;
  const why = `${stripped.removed} assessments of the requester's own were taken out. The record has the SHA-256 of what was released.`;
  return { text: `${JSON.stringify(stripped.metadata, null, 2)}\n`, why };
}

export const crate = command({
  words: ['airlock', 'crate'],
  summary: 'Pack a verified release as a Five Safes RO-Crate, in a BagIt folder',
  about: [
    'Checks the record and every file first, then writes the bag: the files under data/outputs, the signed record, and',
    'ro-crate-metadata.json with who asked, who reviewed and when. Assessments in metadata of the requester are left out.',
    'The profile wants the workflow that made the files: without --workflow the crate does not claim to conform to it.',
  ],
  examples: [
    "airlock crate asthma/release.json asthma/files ./asthma-crate --workflow 'https://workflowhub.eu/workflows/289?version=1'",
  ],
  params: z.object({
    record: z.string().min(1).describe('release.json'),
    folder: z.string().min(1).describe('the folder with the released files'),
    out: z.string().min(1).describe('a new or empty folder for the bag'),
  }),
  flags: z.object({
    key: z.string().min(1).optional().describe('the key to trust: a PEM file, or the SHA-256 fingerprint'),
    workflow: z.url().optional().describe('the Workflow RO-Crate whose run made the files'),
    license: z.url().optional().describe('a licence of the files'),
    tre: z.string().min(1).default('A trusted research environment').describe('who runs the environment'),
  }),
  async run({ params, flags }, context) {
    const { record, fingerprint } = await trusted(params.record, await pinned(flags.key));
    const folder = await folderAt(params.folder);
    mkdirSync(params.out, { recursive: true });
    if (readdirSync(params.out).length > 0)
      throw new Exit('refused', `${params.out} is not empty. Name a new folder: nothing is written over.`);
    await verified(record, folder, context);
    const out = await folderAt(params.out);
    const at = now();

    const packed: Packed[] = [];
    const altered = new Map<string, string>();
    const put = async (path: string, text: string | Uint8Array) => {
      await mkdir(dirname(join(out, path)), { recursive: true });
      await writeFile(join(out, path), text, { flag: 'wx' });
      return { path, size: Buffer.byteLength(text), sha512: sha512(text) };
    };
    for (const file of record.files) {
      const clean = isCrate(file) ? await cleaned(folder, file) : undefined;
      if (clean) altered.set(file.path, clean.why);
      packed.push(clean ? await put(`data/${outputs}${file.path}`, clean.text) : await copy(folder, out, file));
    }
    packed.push(await put('data/release.json', await readFile(params.record)));
    const { workflow, license, tre } = flags;
    const metadata = crateOf(record, { fingerprint, tre, workflow, license, altered }, at);
    packed.push(await put('data/ro-crate-metadata.json', `${JSON.stringify(metadata, null, 2)}\n`));
    const payload = { files: packed.length, bytes: packed.reduce((sum, { size }) => sum + size, 0) };
    const tags = [
      await put('bagit.txt', bagit),
      await put('bag-info.txt', bagInfo(record, payload, at)),
      await put('manifest-sha512.txt', manifest(packed)),
    ];
    await put('tagmanifest-sha512.txt', manifest(tags));

    for (const [path, why] of altered) context.remark(`${path}: ${why}`);
    if (workflow === undefined)
      context.remark(
        'No workflow was named: this is an RO-Crate with the terms of the Five Safes profile, but not one of it.',
      );
    context.result(
      { ok: true, bag: out, ...payload, conforms: workflow !== undefined, altered: [...altered.keys()] },
      `Packed ${grouped(record.files.length)} files as ${out}`,
    );
    return 'ok';
  },
});
