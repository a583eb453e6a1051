import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { fetchAll, type Source } from '../../../bin/cli/airlock-download.ts';
import { tree } from '../../../bin/cli/airlock-tree.ts';
import { Exit } from '../../../bin/cli/exit.ts';
import {
  type Grant,
  going,
  hashOf,
  ofPage,
  opened,
  paged,
  type Standing,
  taken,
} from '../../../functions/airlock/release/link.ts';
import { pageFrom, partFrom } from '../../../functions/airlock/release/page.ts';
import { partBytes } from '../../../functions/airlock/release/shapes.ts';
import { compare } from '../../../functions/airlock/release/verify.ts';
import { folder } from '../../cli/world.ts';
import { keys, record, sha256, signed } from './pages.ts';

/** More files than a page has, in folders, of every size that matters; one of several parts. */
const files = Object.fromEntries(
  Array.from({ length: 240 }, (_, i) => [`d${i % 7}/f${i}.bin`, i === 0 ? '' : `${i}`.repeat(i * 50)]),
);
const large = 'd1/f22.bin';
files[large] = `0123456${'9'.repeat(90)}\n`.repeat(3 * (partBytes / 98) + 5);
const of = record(files);
const bytesOf = (from: number, to: number) => of.files.slice(from, to).reduce((sum, { size }) => sum + size, 0);
const release = JSON.stringify(signed(of, keys()));

/** What happens to the parts of the release as they come, one after the other; well behaved where nothing is said. */
type Trouble = 'short' | 'fault' | 'wrong' | 'long' | 'nothing';
let troubles: (Trouble | undefined)[] = [];
/** What happens each time to a part that begins in a file. */
let bad: Record<string, Trouble> = {};
let asked: { path: string; from: number }[] = [];
let [most, sending] = [0, 0];

async function send(path: string, from: number, all: Buffer): Promise<Uint8Array> {
  asked.push({ path, from });
  most = Math.max(most, ++sending);
  await new Promise(resolve => setTimeout(resolve, 1));
  sending--;
  const part = all.subarray(0, partBytes);
  const trouble = bad[path] ?? (path === 'release.json' ? undefined : troubles.shift());
  if (trouble === 'fault') throw new Exit('fault', 'The API answered 503.');
  if (trouble === 'short') return part.subarray(0, part.length - 1);
  if (trouble === 'long') return Buffer.concat([part, Buffer.alloc(partBytes)]);
  if (trouble === 'wrong') return Buffer.alloc(part.length, 120);
  return trouble === 'nothing' ? new Uint8Array() : part;
}
beforeEach(() => {
  troubles = [];
  bad = {};
  asked = [];
  most = 0;
});

/** The API's part, by the decisions that the API makes: a row, a clock, and nothing else. */
function service() {
  const standing: Standing = { released: true, seal: of.seal.sha256, expires: '2099-01-01T00:00:00.000Z' };
  let grant: Grant = {
    project: of.project,
    request: of.request,
    seal: of.seal.sha256,
    recipient: 'rae',
    requester: 'rae',
    uses: 1,
    taken: 0,
    expires: standing.expires,
    links: [],
  };
  const rae = { id: 'rae', source: '192.0.2.1' };
  const clock = () => new Date().toISOString();
  const source: Source = {
    async open() {
      grant = opened(grant, standing, 'rae', { sha256: hashOf('t') }, clock());
      return { token: 't', expires: '2099-01-01T00:00:00.000Z', usesLeft: 1 };
    },
    async take(token) {
      grant = taken(grant, standing, rae, token, clock()).grant;
      return { files: of.files.length, bytes: of.seal.bytes, until: '2099-01-01T00:00:00.000Z' };
    },
    async files(token, from) {
      const page = pageFrom(of.files, from);
      grant = paged(grant, standing, rae, token, { from, bytes: page.bytes }, clock());
      return {
        files: page.files,
        until: '2099-01-01T00:00:00.000Z',
        ...(page.next !== undefined && { next: page.next }),
      };
    },
    async part(token, file, from) {
      const { session } = going(grant, standing, rae, token, clock());
      if (file === undefined) return send('release.json', from, Buffer.from(release).subarray(from));
      const end = pageFrom(of.files, session.from ?? 0).next ?? of.files.length;
      ofPage(session, file, end);
      const page = of.files.slice(file, end);
      const bytes = partFrom(page, from).map(range =>
        Buffer.from(files[range.file.path] ?? '').subarray(range.from, range.from + range.bytes),
      );
      return send(page[0]?.path ?? '', from, Buffer.concat(bytes));
    },
  };
  return source;
}

async function begin() {
  const at = folder();
  for (const name of ['files', '.partial']) mkdirSync(join(at, name));
  const source = service();
  await source.open();
  await source.take('t');
  let kept = { token: 't', from: 0, until: '' };
  const run = () =>
    fetchAll(source, at, kept, {
      moved: () => {},
      keep: begun => {
        kept = begun;
      },
    });
  return { at, source, run, complete: async () => compare(of, await tree(join(at, 'files'))) };
}

describe('a download', () => {
  it('brings every file and the record, byte for byte, and leaves nothing else', async () => {
    const { at, run, complete } = await begin();
    await run();
    expect(await complete()).toEqual([]);
    expect(readFileSync(join(at, 'release.json'), 'utf8')).toBe(release);
    expect(readdirSync(at).sort()).toEqual(['files', 'release.json']);
    // Two pages, each as one run of bytes: the first with the large file, the second with small ones alone.
    expect(asked.filter(({ path }) => path !== 'release.json')).toHaveLength(
      Math.ceil(bytesOf(0, 200) / partBytes) + 1,
    );
    expect(most).toBeGreaterThan(3);
  });

  it.each<Trouble>(['short', 'nothing', 'long'])('ends where the service gives a part that is %s', async trouble => {
    troubles = [undefined, trouble];
    const { run, complete } = await begin();
    await expect(run()).rejects.toThrow(/The service gave \d+ bytes where there are \d+/);
    await run();
    expect(await complete()).toEqual([]);
  });

  it('fetches a file anew of which other bytes came, and keeps none of it if they come again', async () => {
    for (const trouble of [['wrong'], [undefined, 'wrong'], [undefined, undefined, undefined, 'wrong']] as const) {
      troubles = [...trouble];
      const { run, complete } = await begin();
      await run();
      expect(await complete()).toEqual([]);
    }
    const first = of.files.find(({ size }) => size > 0)?.path ?? '';
    bad = { [first]: 'wrong', [of.files[0]?.path ?? '']: 'wrong' };
    const { at, run } = await begin();
    await expect(run()).rejects.toThrow('did not arrive as it was released');
    expect(existsSync(join(at, 'files', first))).toBe(false);
  });

  it('stopped anywhere is gone on with at the very byte: pages before are not asked for', async () => {
    for (const fault of [1, 2, 3, 4]) {
      troubles = Array.from({ length: fault }, (_, at) => (at + 1 === fault ? 'fault' : undefined));
      const { run, complete, source } = await begin();
      await expect(run()).rejects.toThrow('503');
      const before = new Set(asked.map(({ path, from }) => `${path} ${from}`));
      const done = asked.length;
      await run();
      expect(await complete()).toEqual([]);
      // Those behind the fault were on their way when it stopped.
      const twice = asked.slice(done).filter(({ path, from }) => before.has(`${path} ${from}`));
      expect(twice.length).toBeLessThanOrEqual(Math.ceil(bytesOf(0, 200) / partBytes) - fault + 1);
      await expect(source.files('t', 0)).rejects.toThrow('given out already');
      await expect(source.part('t', 0, 0)).rejects.toThrow('given out already');
      await expect(source.take('t')).rejects.toThrow('has been used');
      asked = [];
    }
  });

  it('gives no file before its page', async () => {
    const { source } = await begin();
    await expect(source.part('t', 0, 0)).rejects.toThrow('Ask for the page');
    await source.files('t', 0);
    await expect(source.part('t', 200, 0)).rejects.toThrow('Ask for the page');
  });

  it('writes over nothing that is there', async () => {
    const { at, run } = await begin();
    mkdirSync(join(at, 'files/d3'));
    writeFileSync(join(at, 'files/d3/f3.bin'), 'mine');
    await run();
    expect(readFileSync(join(at, 'files/d3/f3.bin'), 'utf8')).toBe('mine');
    expect(compare(of, await tree(join(at, 'files')))).toMatchObject([{ path: 'd3/f3.bin', kind: 'changed' }]);
  });

  it.each(['../out', '/etc/x', 'a/../../x', 'C:x', 'a\\b', 'a\u202eb'])('writes no file called %j', async path => {
    const { at, source, run } = await begin();
    const honest = source.files;
    source.files = async (...args) => {
      const page = await honest(...args);
      return { ...page, files: page.files.map((file, i) => (i === 3 ? { ...file, path } : file)) };
    };
    await expect(run()).rejects.toThrow('not safe to write');
    expect(readdirSync(join(at, 'files'))).toEqual([]);
  });

  it('has the checksums of what it is tried with', () => expect(of.files[0]?.sha256).toBe(sha256('')));
});
