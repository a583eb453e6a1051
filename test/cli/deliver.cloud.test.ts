import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListObjectVersionsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uploadConcurrency } from '../../bin/cli/upload.ts';
import { sha256 } from '../../functions/hash.ts';
import type { Delivery } from '../../functions/ingest/schemas.ts';
import { repositoryRoot } from '../../local/cloud.ts';
import { connectTestCloud } from '../cloud.ts';
import { writeEmbeddedCloudFile } from './embedded.ts';
import { makeTestFolder, runBroch } from './harness.ts';

const facts = connectTestCloud();
let file: string;
beforeAll(async () => {
  ({ file } = await writeEmbeddedCloudFile(facts, makeTestFolder(afterAll), {
    'cli-dana': 'partner',
    'cli-peter': 'partner',
  }));
});

/** Each test delivers to a dataset of its own, which is new. */
const newFlag = (flags: readonly string[]) => (flags.includes('--dataset') ? ['--new'] : []);

/** A folder with these files, and a partner with a home of their own to deliver it from. */
function partner(files: Record<string, string | Uint8Array>, name = 'cli-dana') {
  const [home, folder] = [makeTestFolder(), makeTestFolder()];
  const put = (path: string, content: string | Uint8Array) => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  for (const [path, content] of Object.entries(files)) put(path, content);
  const env = { XDG_CONFIG_HOME: home, BROCH_CLOUD: file, BROCH_AS: name };
  return {
    at: folder,
    env,
    put,
    run: (...flags: string[]) => runBroch(['deliver', folder, ...newFlag(flags), ...flags], env),
    json: async (...flags: string[]) => {
      const ran = await runBroch(['deliver', folder, '--json', ...newFlag(flags), ...flags], env);
      return { ...ran, delivery: JSON.parse(ran.output || 'null') as Extract<Delivery, { status: 'held' }> };
    },
    ledgers: () => readdirSync(join(home, 'broch/deliveries')),
  };
}

describe('delivering a folder', () => {
  it('prints a receipt when the delivery is registered', async () => {
    const { run, ledgers } = partner({
      'a.csv': 'id\n1\n',
      'deep/er/b with blanks.csv': 'id\n2\n',
      'empty.txt': '',
      'ü.csv': 'x',
    });
    const { code, output, err } = await run('--dataset', 'cli-people');
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(output).toMatch(/^The delivery is registered\. This is your receipt\.\n\nid +dl-[0-9a-f]{16}\n/);
    expect(output).toMatch(/\nfiles +4\n/);
    expect(err).toMatch(/Uploaded: 4 files, 11 B/);
    expect(ledgers()).toEqual([]);
  });

  it('sends large files in parts, which arrive whole', async () => {
    const { json } = partner({ 'large.bin': randomBytes(40 * 1024 ** 2 + 7), 'small.csv': '1' });
    const { code, delivery, err } = await json('--dataset', 'cli-large');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(delivery).toMatchObject({ status: 'registered', files: 2, bytes: 40 * 1024 ** 2 + 8 });
  });

  it("sends the folder's own list unchanged", async () => {
    const sums = `${sha256('1')} *a.csv\n`;
    const { json } = partner({ 'a.csv': '1', SHA256SUMS: sums });
    expect(await json('--dataset', 'cli-own')).toMatchObject({ code: 0, delivery: { digest: sha256(sums) } });
  });

  it('sends a bag unchanged', async () => {
    const { json } = partner({
      'bagit.txt': 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n',
      'bag-info.txt': 'Payload-Oxum: 1.1\n',
      'data/a.csv': '1',
      'manifest-sha256.txt': `${sha256('1')}  data/a.csv\n`,
    });
    expect(await json('--dataset', 'cli-bag')).toMatchObject({ code: 0, delivery: { status: 'registered', files: 1 } });
  });
});

describe('a folder that would be held', () => {
  it('reports problems file by file, and opens and uploads nothing', async () => {
    const { run, env } = partner({ 'a.csv': '1', 'A.csv': '2', 'back\\slash': '3' }, 'cli-peter');
    const { code, output, err } = await run('--dataset', 'cli-wrong');
    expect({ code, output }).toEqual({ code: 3, output: '' });
    expect(err).toMatch(/a\.csv +.*differ only in case/);
    expect(err).toMatch(/back\\slash +.*backslash/);
    expect(err).toMatch(/Nothing was uploaded/);
    expect(JSON.parse((await runBroch(['delivery', 'list', '--json'], env)).output)).toEqual({ items: [] });
  });

  it('reports a file that contradicts its list before the list is sent, and resumes once it is corrected', async () => {
    const { json, run, put } = partner({
      'a.csv': 'tampered',
      'b.csv': '2',
      SHA256SUMS: `${sha256('1')}  a.csv\n${sha256('2')}  b.csv\n`,
    });
    const { code, err } = await run('--dataset', 'cli-tampered');
    expect(code).toBe(3);
    expect(err).toMatch(/a\.csv +The SHA-256 is .* but the manifest says/);
    put('a.csv', '1');
    const repetition = await json('--dataset', 'cli-tampered');
    expect(repetition).toMatchObject({ code: 0, delivery: { status: 'registered' } });
    expect(err).toContain(repetition.delivery.id);
  });

  it('shows path and reason of a held file, and the same command resumes', async () => {
    const { run, json, put, env } = partner({ 'a.csv': '1' });
    expect((await json('--dataset', 'cli-held', '--minutes', '0')).code).toBe(0);
    const open = JSON.parse((await runBroch(['delivery', 'list', '--json'], env)).output).items.find(
      ({ dataset }: Delivery) => dataset === 'cli-held',
    ) as Delivery;
    expect(await runBroch(['watch', 'delivery', open.id], env)).toMatchObject({ code: 0 });
    // A stray object, as if by other means: the next delivery is held, whatever the folder looks like.
    put('b.csv', '2');
    const delivery = JSON.parse(
      (await runBroch(['delivery', 'open', '--dataset', 'cli-held', '--json'], env)).output,
    ) as Delivery;
    const access = JSON.parse((await runBroch(['delivery', 'access', delivery.id, '--json'], env)).output);
    const s3 = new S3Client({ ...facts.configuration, credentials: access });
    await s3.send(new PutObjectCommand({ Bucket: access.bucket, Key: `${access.prefix}stray.csv`, Body: 'x' }));
    const outcome = await run('--delivery', delivery.id);
    expect(outcome.code).toBe(3);
    expect(outcome.output).toMatch(
      /^The delivery is held; nothing was copied to the lake\.\n\npath +reason\nstray\.csv +This file was uploaded but is not listed/,
    );
    put('stray.csv', 'x');
    expect(await json('--dataset', 'cli-held')).toMatchObject({
      code: 0,
      delivery: { id: delivery.id, status: 'registered', files: 3 },
    });
    expect(await run('--delivery', delivery.id)).toMatchObject({
      code: 3,
      err: expect.stringContaining('accepts no more files'),
    });
  });

  it("refuses another partner's delivery", async () => {
    const first = partner({ 'a.csv': '1' });
    const { delivery } = await first.json('--dataset', 'cli-mine');
    const second = partner({ 'a.csv': '1' }, 'cli-peter');
    expect(await second.run('--delivery', delivery.id)).toMatchObject({
      code: 3,
      err: expect.stringContaining('not yours'),
    });
  });
});

describe('an upload that was stopped', () => {
  it('resumes and does not send unchanged files again', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [`part-${index}.csv`, `id\n${index}\n`]),
    );
    const { at: folder, env, json, put, ledgers } = partner(files);
    const child: ChildProcess = spawn(
      process.execPath,
      [join(repositoryRoot, 'bin/broch.ts'), 'deliver', folder, '--dataset', 'cli-stopped', '--new'],
      {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let remarks = '';
    child.stderr?.on('data', chunk => {
      remarks += chunk;
    });
    const s3 = new S3Client(facts.configuration);
    let place: { bucket: string; prefix: string } | undefined;
    /** How often each file has landed: the bucket keeps every version. */
    const countUploads = async (): Promise<Map<string, number>> => {
      const [id] = remarks.match(/dl-[0-9a-f]{16}/) ?? [];
      if (id === undefined) return new Map();
      place ??= JSON.parse((await runBroch(['delivery', 'access', id, '--json'], env)).output) as typeof place;
      const { Versions = [] } = await s3.send(
        new ListObjectVersionsCommand({ Bucket: place?.bucket, Prefix: place?.prefix }),
      );
      const times = new Map<string, number>();
      for (const { Key = '' } of Versions) {
        const path = Key.slice(place?.prefix.length);
        times.set(path, (times.get(path) ?? 0) + 1);
      }
      return times;
    };
    while ((await countUploads()).size < 20 && child.exitCode === null) await sleep(20);
    const exit = new Promise(resolve => child.once('exit', resolve));
    child.kill('SIGINT');
    expect(await exit).toBe(130);
    expect(remarks).toMatch(/Stopped\. Uploaded files are kept\. Resume with: broch deliver .* --delivery dl-/);
    expect(ledgers()).toHaveLength(1);
    expect((await countUploads()).size).toBeLessThan(400);

    put('part-0.csv', 'changed since');
    const resumption = await json('--dataset', 'cli-stopped');
    expect(resumption).toMatchObject({ code: 0, delivery: { status: 'registered', files: 400 } });
    expect(remarks).toContain(resumption.delivery.id);
    // Besides the changed file only what was on its way when the first run was stopped may have landed twice.
    const duplicates = [...(await countUploads())].filter(([, times]) => times > 1).map(([path]) => path);
    expect(duplicates.filter(path => path !== 'part-0.csv').length).toBeLessThanOrEqual(uploadConcurrency.whole);
  });
});

describe('the first delivery to a dataset', () => {
  const type = (folder: string, env: Record<string, string>, dataset: string, answers?: string[]) =>
    runBroch(['deliver', folder, '--dataset', dataset], env, answers);

  it('is asked about at a terminal, with the name that a misspelt one is nearest to', async () => {
    const { at: folder, env, put } = partner({ 'a.csv': '1' }, 'cli-peter');
    expect((await type(folder, env, 'cli-harvest', ['y'])).code).toBe(0);
    put('b.csv', '2');
    const typo = await type(folder, env, 'cli-havrest', ['']);
    expect(typo.err).toContain('There is no dataset cli-havrest yet. Did you mean cli-harvest?');
    expect(typo.err).toContain('Nothing was uploaded. For the dataset you have: --dataset cli-harvest');
    expect(typo.code).toBe(3);
    expect((await type(folder, env, 'cli-harvest')).code).toBe(0);
  });

  it('needs --new without a terminal, and does not wait for an answer', async () => {
    const { at: folder, env } = partner({ 'a.csv': '1' }, 'cli-peter');
    const { code, err } = await type(folder, env, 'cli-unheard');
    expect({ code, err }).toMatchObject({ code: 3, err: expect.stringMatching(/Nothing was uploaded.*pass --new/) });
  });
});

it('names what it leaves out, and hidden files and links that it delivers', async () => {
  const { run, at: folder } = partner({ 'a.csv': '1', '.DS_Store': 'x', 'b/Thumbs.db': 'x', '.config': '1' });
  symlinkSync('a.csv', join(folder, 'again.csv'));
  const { code, output, err } = await run('--dataset', 'cli-junk');
  expect({ code, err }).toMatchObject({ code: 0 });
  expect(err).toContain('Left out by --ignore: .DS_Store, b/Thumbs.db');
  expect(err).toContain('Hidden files that are delivered: .config');
  expect(err).toContain('Links, delivered as the files they point to: again.csv');
  expect(output).toMatch(/\nfiles +3\n/);
});
