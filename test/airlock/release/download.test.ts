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
import { pageFrom } from '../../../functions/airlock/release/page.ts';
import { partBytes } from '../../../functions/airlock/release/shapes.ts';
import { compare } from '../../../functions/airlock/release/verify.ts';
import { folder } from '../../cli/world.ts';
import { keys, record, sha256, signed } from './pages.ts';

/** More files than a page has, in folders, of every size that matters; one of several parts. */
const files = Object.fromEntries(
  Array.from({ length: 120 }, (_, i) => [`d${i % 7}/f${i}.bin`, i === 0 ? '' : `${i}`.repeat(i * 50)]),
);
const large = 'd1/f22.bin';
files[large] = `0123456${'9'.repeat(90)}\n`.repeat(3 * (partBytes / 98) + 5);
const of = record(files);
const release = JSON.stringify(signed(of, keys()));

/** What happens to one path, one part after the other; well behaved where nothing is said. */
type Trouble = 'short' | 'fault' | 'wrong' | 'long' | 'nothing';
let troubles: Record<string, (Trouble | undefined)[]> = {};
let asked: { path: string; from: number }[] = [];
let most = 0;

async function send(path: string, from: number): Promise<Uint8Array> {
  asked.push({ path, from });
  most = Math.max(most, ++sending);
  await new Promise(resolve => setTimeout(resolve, 1));
  sending--;
  const part = Buffer.from(path === 'release.json' ? release : (files[path] ?? '')).subarray(from, from + partBytes);
  const trouble = troubles[path]?.shift();
  if (trouble === 'fault') throw new Exit('fault', 'The API answered 503.');
  if (trouble === 'short') return part.subarray(0, part.length >> 1);
  if (trouble === 'long') return Buffer.concat([part, part]);
  if (trouble === 'wrong') return Buffer.alloc(part.length, 120);
  return trouble === 'nothing' ? new Uint8Array() : part;
}
let sending = 0;
beforeEach(() => {
  troubles = {};
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
      if (file === undefined) return send('release.json', from);
      ofPage(session, file, pageFrom(of.files, session.from ?? 0).next ?? of.files.length);
      return send(of.files[file]?.path ?? '', from);
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
    // The empty file needs no asking.
    expect(asked).toHaveLength(119 + 4);
  });

  it('asks for several parts of several files at once, and for no byte twice', async () => {
    const { run } = await begin();
    await run();
    const parts = asked.filter(({ path }) => path === large).map(({ from }) => from);
    expect(parts).toEqual([0, 1, 2, 3].map(part => part * partBytes));
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(16);
  });

  it.each<[string, Trouble[]]>([
    ['cut short', ['short']],
    ['nothing', ['nothing']],
    ['more than there is', ['long']],
    ['other bytes', ['wrong']],
  ])('a file of which there came %s is fetched again', async (_, trouble) => {
    for (const path of ['d6/f90.bin', large]) {
      troubles = { [path]: [...trouble] };
      const { run, complete } = await begin();
      await run();
      expect(await complete()).toEqual([]);
    }
  });

  it('keeps no byte of a file that is wrong, not even on the second try', async () => {
    troubles = { 'd2/f2.bin': ['wrong', 'wrong'] };
    const { at, run } = await begin();
    await expect(run()).rejects.toThrow('did not arrive as it was released');
    expect(existsSync(join(at, 'files/d2/f2.bin'))).toBe(false);
    troubles = { 'd2/f2.bin': ['wrong'] };
    const second = await begin();
    await second.run();
    expect(await second.complete()).toEqual([]);
  });

  it('stopped anywhere is gone on with: what arrived is not fetched again, pages before are not asked for', async () => {
    troubles = { 'd5/f75.bin': ['fault'] };
    const { run, complete, source } = await begin();
    await expect(run()).rejects.toThrow('503');
    const before = new Set(asked.map(({ path }) => path));
    asked = [];
    await run();
    expect(await complete()).toEqual([]);
    const twice = asked.filter(({ path }) => before.has(path) && path !== 'd5/f75.bin');
    // Those that were on their way in the other lanes when it stopped.
    expect(twice.length).toBeLessThanOrEqual(3);
    await expect(source.files('t', 0)).rejects.toThrow('given out already');
    await expect(source.part('t', 0, 0)).rejects.toThrow('given out already');
    await expect(source.take('t')).rejects.toThrow('has been used');
  });

  it('goes on in the middle of a file, with the parts that are missing', async () => {
    troubles = { [large]: [undefined, undefined, 'fault'] };
    const { run, complete } = await begin();
    await expect(run()).rejects.toThrow('503');
    asked = [];
    await run();
    expect(await complete()).toEqual([]);
    const parts = asked.filter(({ path }) => path === large).map(({ from }) => from);
    expect(parts).toEqual([2, 3].map(part => part * partBytes));
  });

  it('gives no file before its page', async () => {
    const { source } = await begin();
    await expect(source.part('t', 0, 0)).rejects.toThrow('Ask for the page');
    await source.files('t', 0);
    await expect(source.part('t', 60, 0)).rejects.toThrow('Ask for the page');
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
