import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fetchAll, type Source } from '../../../bin/cli/airlock-download.ts';
import { tree } from '../../../bin/cli/airlock-tree.ts';
import { type Grant, hashOf, opened, paged, type Standing, taken } from '../../../functions/airlock/release/link.ts';
import { pageFrom } from '../../../functions/airlock/release/page.ts';
import { compare } from '../../../functions/airlock/release/verify.ts';
import { root } from '../../../local/cloud.ts';
import { folder } from '../../cli/world.ts';
import { keys, record, sha256, signed } from './pages.ts';

/** More files than a page has, in folders, of every size that matters. */
const files = Object.fromEntries(
  Array.from({ length: 120 }, (_, i) => [`d${i % 7}/f${i}.bin`, i === 0 ? '' : `${i}`.repeat(i * 50)]),
);
const of = record(files);
const release = JSON.stringify(signed(of, keys()));

/** What the storage does to one path, one request after the other; well behaved where nothing is said. */
type Trouble = 'cut' | 'stale' | 'busy' | 'wrong' | 'hangs up';
let troubles: Record<string, Trouble[]> = {};
let asked: { path: string; range: string | undefined }[] = [];
let server: Server;
let agent: Agent;
let base: string;

beforeAll(async () => {
  const at = folder(clean => afterAll(clean));
  const [ca, key] = [join(at, 'certificate.pem'), join(at, 'key.pem')];
  execFileSync(join(root, '.venv/bin/python'), [join(root, 'local/python/certificate.py'), ca, key]);
  server = createServer({ cert: readFileSync(ca), key: readFileSync(key) }, (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '', 'https://x').pathname.slice(1));
    asked.push({ path, range: request.headers.range });
    const body = Buffer.from(path === 'release.json' ? release : (files[path] ?? ''));
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const trouble = troubles[path]?.shift();
    if (trouble === 'hangs up') return void request.socket.destroy();
    if (trouble === 'stale') return void response.writeHead(403).end('<Error>Request has expired</Error>');
    if (trouble === 'busy') return void response.writeHead(503).end();
    const rest = body.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length });
    if (trouble === 'cut')
      return void response.write(rest.subarray(0, rest.length >> 1), () => request.socket.destroy());
    response.end(trouble === 'wrong' ? Buffer.alloc(rest.length, 120) : rest);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  base = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  agent = new Agent({ ca: readFileSync(ca), keepAlive: true });
});
afterAll(() => {
  agent?.destroy();
  server?.close();
});
beforeEach(() => {
  troubles = {};
  asked = [];
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
      const url = (path: string) => `${base}/${encodeURIComponent(path)}`;
      return {
        ...(from === 0 && { release: { url: url('release.json') } }),
        files: page.files.map(file => ({ ...file, url: url(file.path) })),
        expires: new Date(Date.now() + 60_000).toISOString(),
        until: '2099-01-01T00:00:00.000Z',
        ...(page.next !== undefined && { next: page.next }),
      };
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
    fetchAll(source, at, agent, kept, {
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
    expect(asked).toHaveLength(120);
  });

  it('goes on where a connection broke, and asks for a new address where one has run out', async () => {
    troubles = { 'd6/f90.bin': ['cut', 'cut'], 'd0/f14.bin': ['stale'], 'd1/f8.bin': ['busy', 'hangs up'] };
    const { run, complete } = await begin();
    await run();
    expect(await complete()).toEqual([]);
    const ranges = asked.filter(({ path }) => path === 'd6/f90.bin').map(({ range }) => range);
    expect(ranges[0]).toBeUndefined();
    expect(ranges.slice(1).every(range => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true);
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
    troubles = { 'd5/f75.bin': ['busy', 'busy', 'busy', 'busy', 'busy'] };
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
    await expect(source.take('t')).rejects.toThrow('has been used');
  }, 30_000);

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
