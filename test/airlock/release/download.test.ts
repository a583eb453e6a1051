import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { DownloadJournal, type DownloadSource, fetchReleaseInto } from '../../../bin/cli/airlock-download.ts';
import { hashTree } from '../../../bin/cli/airlock-tree.ts';
import type { CommandContext } from '../../../bin/cli/commands.ts';
import { ExitError } from '../../../bin/cli/exit.ts';
import { pageFrom, partFrom } from '../../../functions/airlock/release/download-ranges.ts';
import {
  activeSession,
  type Grant,
  openGrant,
  recordPage,
  redeemLink,
  revokeGrant,
  tokenHash,
} from '../../../functions/airlock/release/link.ts';
import { partBytes } from '../../../functions/airlock/release/schemas.ts';
import { compareFiles } from '../../../functions/airlock/release/verify.ts';
import type { RequesterStanding } from '../../../functions/airlock/request/download-eligibility.ts';
import { toProblem } from '../../../functions/http/problem.ts';
import { Refused } from '../../../functions/refused.ts';
import { makeTestFolder } from '../../cli/harness.ts';
import { buildReleaseRecord, hashReleaseText, makeSigningKeys, signRelease } from './pages.ts';

/** More files than a page has, in folders, of every size that matters; one of several parts. */
const files = Object.fromEntries(
  Array.from({ length: 210 }, (_, i) => [`d${i % 7}/f${i}.bin`, i === 0 ? '' : `${i}`.repeat(i * 50)]),
);
const large = 'd1/f22.bin';
files[large] = `0123456${'9'.repeat(90)}\n`.repeat(3 * (partBytes / 98) + 5);
const record = buildReleaseRecord(files);
const bytesOf = (from: number, to: number) => record.files.slice(from, to).reduce((sum, { size }) => sum + size, 0);
const release = JSON.stringify(signRelease(record, makeSigningKeys()));

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
  if (trouble === 'fault') throw new ExitError('fault', 'The API answered 503.');
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

const names = ['open', 'take', 'files', 'part'] as const;
const longAfter = '2099-01-01T00:00:00.000Z';

/** The API's part, by the decisions that the API makes: a row, a clock, and nothing else. */
function service() {
  const standing: RequesterStanding = { released: true, seal: record.seal.sha256, expires: longAfter };
  const row: { grant: Grant } = {
    grant: {
      project: record.project,
      request: record.request,
      seal: record.seal.sha256,
      recipient: 'rae',
      requester: 'rae',
      uses: 1,
      taken: 0,
      expires: standing.expires,
      links: [],
    },
  };
  const asker = { id: 'rae', source: '192.0.2.1' };
  const clock = () => new Date().toISOString();
  let links = 0;
  const source: DownloadSource = {
    async open() {
      const token = `t${links++}`;
      row.grant = openGrant(row.grant, standing, 'rae', { sha256: tokenHash(token) }, clock());
      return { token, expires: row.grant.links.at(-1)?.expires ?? '', usesLeft: 1 };
    },
    async take(token) {
      row.grant = redeemLink(row.grant, standing, asker, token, record.seal.bytes, clock()).grant;
      const until = row.grant.links.find(({ sha256 }) => sha256 === tokenHash(token))?.session?.until ?? '';
      return { files: record.files.length, bytes: record.seal.bytes, until };
    },
    async files(token, from) {
      row.grant = recordPage(row.grant, standing, asker, token, clock());
      return { ...pageFrom(record.files, from), until: longAfter };
    },
    async part(token, first, from) {
      activeSession(row.grant, standing, asker, token, clock());
      if (first === undefined) return send('release.json', from, Buffer.from(release).subarray(from));
      const bytes = partFrom(record.files, first, from).map(({ file, from, bytes }) =>
        Buffer.from(files[file.path] ?? '').subarray(from, from + bytes),
      );
      return send(record.files[first]?.path ?? '', from, Buffer.concat(bytes));
    },
  };
  for (const name of names) {
    const own = source[name] as (...given: unknown[]) => Promise<unknown>;
    const answer = (...given: unknown[]) =>
      own(...given).catch((error: unknown) => {
        throw error instanceof Refused ? new ExitError('refused', error.message, toProblem(error, '')) : error;
      });
    Object.assign(source, { [name]: answer });
  }
  return { source, asker, row };
}

const quiet = { json: true, live: false, remark: () => undefined } as unknown as CommandContext;

function begin() {
  const { source, ...rest } = service();
  const [home, folder] = [makeTestFolder(), makeTestFolder()];
  const journal = () => new DownloadJournal({ XDG_CONFIG_HOME: home }, ['place', 'request', folder]);
  const run = () => fetchReleaseInto(folder, source, journal(), quiet);
  return {
    at: folder,
    source,
    run,
    journal,
    ...rest,
    complete: async () => compareFiles(record, await hashTree(join(folder, 'files'))),
  };
}

describe('a download', () => {
  it('brings every file and the record, byte for byte, in few calls, and leaves nothing else', async () => {
    const { at: folder, run, complete } = begin();
    await run();
    expect(await complete()).toEqual([]);
    expect(readFileSync(join(folder, 'release.json'), 'utf8')).toBe(release);
    expect(readdirSync(folder).sort()).toEqual(['files', 'release.json']);
    // Two pages, each as one run of bytes: the first with the large file, the second with small ones alone.
    expect(asked.filter(({ path }) => path !== 'release.json')).toHaveLength(
      Math.ceil(bytesOf(0, 200) / partBytes) + 1,
    );
    expect(most).toBeGreaterThan(3);
  });

  it.each<Trouble>(['short', 'nothing', 'long'])('stops where the service gives a part that is %s', async trouble => {
    troubles = [undefined, trouble];
    const { run, complete } = begin();
    await expect(run()).rejects.toThrow(/The service returned \d+ bytes instead of \d+/);
    await run();
    expect(await complete()).toEqual([]);
  });

  it('fetches a file again after wrong bytes, and keeps none of it if they come again', async () => {
    for (const trouble of [['wrong'], [undefined, 'wrong'], [undefined, undefined, undefined, 'wrong']] as const) {
      troubles = [...trouble];
      const { run, complete } = begin();
      await run();
      expect(await complete()).toEqual([]);
    }
    const first = record.files.find(({ size }) => size > 0)?.path ?? '';
    bad = { [first]: 'wrong', [record.files[0]?.path ?? '']: 'wrong' };
    const { at: folder, run } = begin();
    await expect(run()).rejects.toThrow('differs from the release');
    expect(existsSync(join(folder, 'files', first))).toBe(false);
  });

  it('continues at the exact byte after any interruption', async () => {
    for (const fault of [1, 2, 3, 4]) {
      asked = [];
      troubles = Array.from({ length: fault }, (_, index) => (index + 1 === fault ? 'fault' : undefined));
      const { run, complete } = begin();
      await expect(run()).rejects.toThrow('503');
      const before = new Set(asked.map(({ path, from }) => `${path} ${from}`));
      const done = asked.length;
      await run();
      expect(await complete()).toEqual([]);
      // Those behind the fault were on their way when it stopped.
      const twice = asked.slice(done).filter(({ path, from }) => before.has(`${path} ${from}`));
      expect(twice.length).toBeLessThanOrEqual(Math.ceil(bytesOf(0, 200) / partBytes) - fault + 1);
    }
  });

  it.each(names.flatMap(name => (['lost', 'failed'] as const).map(how => [name, how] as const)))(
    'completes by the same command, as one use, after any one call to %s is %s',
    async (name, how) => {
      // So many calls it makes: two pages, the record, and the parts of one page after those of the other.
      for (let nth = 1; nth <= { open: 1, take: 1, files: 2, part: 6 }[name]; nth++) {
        const { source, run, complete, row, journal } = begin();
        const honest = source[name] as (...given: unknown[]) => Promise<unknown>;
        let calls = 0;
        const faulty = async (...given: unknown[]) => {
          const hit = ++calls === nth;
          const answer = hit && how === 'failed' ? undefined : await honest(...given);
          if (hit) throw new ExitError('fault', 'The API did not answer.');
          return answer;
        };
        Object.assign(source, { [name]: faulty });
        await expect(run()).rejects.toThrow('The API did not answer.');
        await run();
        expect(await complete()).toEqual([]);
        expect(row.grant.taken).toBe(1);
        // The link of an answer that was lost is opened, and taken by nobody.
        expect(row.grant.links).toHaveLength(name === 'open' && how === 'lost' && nth === 1 ? 2 : 1);
        expect(journal().begun?.all).toEqual({ files: record.files.length, bytes: record.seal.bytes });
      }
    },
  );

  it('keeps its link when another user or another address is refused, and forgets an expired link', async () => {
    const { run, complete, asker, row, journal } = begin();
    troubles = [undefined, 'fault'];
    await expect(run()).rejects.toThrow('503');
    for (const other of [{ id: 'eve' }, { source: '198.51.100.1' }]) {
      const mine = { ...asker };
      const network = row.grant.links[0];
      if (network) network.network = '192.0.2.0/24';
      Object.assign(asker, other);
      await expect(run()).rejects.toThrow(/somebody else|from the network/);
      Object.assign(asker, mine);
      expect(journal().begun).toBeDefined();
    }
    await run();
    expect(await complete()).toEqual([]);
    row.grant = revokeGrant(row.grant, 'op', 'A count was too small.', new Date().toISOString());
    await expect(run()).rejects.toThrow('A count was too small.');
    expect(journal().begun).toBeUndefined();
  });

  it('leaves a reusable folder after a download that gave nothing, and refuses a folder with files in it', async () => {
    const { at: folder, source, run, complete } = begin();
    const honest = source.open;
    source.open = () => Promise.reject(new ExitError('refused', 'This request is not released.', { status: 409 }));
    await expect(run()).rejects.toThrow('not released');
    source.open = honest;
    mkdirSync(join(folder, 'files'));
    mkdirSync(join(folder, '.partial'));
    await run();
    expect(await complete()).toEqual([]);
    for (const path of ['files/mine.txt', 'mine.txt', 'release.json']) {
      const { at, run } = begin();
      mkdirSync(join(at, 'files'));
      writeFileSync(join(at, path), 'mine');
      await expect(run()).rejects.toThrow('is not empty');
      expect(readFileSync(join(at, path), 'utf8')).toBe('mine');
    }
  });

  it('overwrites no existing file', async () => {
    const { at: folder, run } = begin();
    troubles = ['fault'];
    await expect(run()).rejects.toThrow('503');
    mkdirSync(join(folder, 'files/d3'), { recursive: true });
    writeFileSync(join(folder, 'files/d3/f3.bin'), 'mine');
    await run();
    expect(readFileSync(join(folder, 'files/d3/f3.bin'), 'utf8')).toBe('mine');
    expect(compareFiles(record, await hashTree(join(folder, 'files')))).toMatchObject([
      { path: 'd3/f3.bin', kind: 'changed' },
    ]);
  });

  it.each(['../out', '/etc/x', 'a/../../x', 'C:x', 'a\\b', 'a\u202eb'])('writes no file named %j', async path => {
    const { at: folder, source, run } = begin();
    const honest = source.files;
    source.files = async (...args) => {
      const page = await honest(...args);
      return { ...page, files: page.files.map((file, i) => (i === 3 ? { ...file, path } : file)) };
    };
    await expect(run()).rejects.toThrow('not safe to write');
    expect(readdirSync(join(folder, 'files'))).toEqual([]);
  });

  it.each([0, 1, 199, 201, 100_000])('refuses a page that continues at %i after the first', async next => {
    const { source, run } = begin();
    const honest = source.files;
    source.files = async (...args) => ({ ...(await honest(...args)), next });
    await expect(run()).rejects.toThrow('out of order');
  });

  it('has the checksums of the release that it is tested with', () =>
    expect(record.files[0]?.sha256).toBe(hashReleaseText('')));
});
