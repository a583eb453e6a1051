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
import { selectTrials } from '../../trials.ts';
import { buildReleaseRecord, hashReleaseText, makeSigningKeys, signRelease } from './pages.ts';

/** More files than a page has, in folders, of every size that matters; one of several parts. */
const files = Object.fromEntries(
  Array.from({ length: 210 }, (_, index) => [
    `d${index % 7}/f${index}.bin`,
    index === 0 ? '' : `${index}`.repeat(index * 50),
  ]),
);
const large = 'd1/f22.bin';
files[large] = `0123456${'9'.repeat(90)}\n`.repeat(3 * (partBytes / 98) + 5);
const contents = new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
const record = buildReleaseRecord(files);
const bytesOf = (start: number, end: number) => record.files.slice(start, end).reduce((sum, { size }) => sum + size, 0);
const release = JSON.stringify(signRelease(record, makeSigningKeys()));

/** What happens to the parts of the release as they come, one after the other; well behaved where nothing is said. */
type Trouble = 'short' | 'fault' | 'wrong' | 'long' | 'nothing';
let troubles: (Trouble | undefined)[] = [];
/** What happens each time to a part that begins in a file. */
let bad: Record<string, Trouble> = {};
let partCalls: { path: string; from: number }[] = [];
let [maxSending, sending] = [0, 0];

async function send(path: string, offset: number, content: Buffer): Promise<Uint8Array> {
  partCalls.push({ path, from: offset });
  maxSending = Math.max(maxSending, ++sending);
  await new Promise(resolve => setTimeout(resolve, 1));
  sending--;
  const part = content.subarray(0, partBytes);
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
  partCalls = [];
  maxSending = 0;
});

const names = ['open', 'take', 'files', 'part'] as const;
const positionKind = (position: number) => [position === 1 ? 'first' : 'later'];
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
      const sessionEnd = row.grant.links.find(({ sha256 }) => sha256 === tokenHash(token))?.session?.until ?? '';
      return { files: record.files.length, bytes: record.seal.bytes, until: sessionEnd };
    },
    async files(token, offset) {
      row.grant = recordPage(row.grant, standing, asker, token, clock());
      return { ...pageFrom(record.files, offset), until: longAfter };
    },
    async part(token, first, offset) {
      activeSession(row.grant, standing, asker, token, clock());
      if (first === undefined) return send('release.json', offset, Buffer.from(release).subarray(offset));
      const bytes = partFrom(record.files, first, offset).map(({ file, from: offset, bytes }) =>
        (contents.get(file.path) ?? Buffer.alloc(0)).subarray(offset, offset + bytes),
      );
      return send(record.files[first]?.path ?? '', offset, Buffer.concat(bytes));
    },
  };
  for (const name of names) {
    const method = source[name] as (...values: unknown[]) => Promise<unknown>;
    const answer = (...values: unknown[]) =>
      method(...values).catch((error: unknown) => {
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
    folder,
    source,
    run,
    journal,
    ...rest,
    complete: async () => compareFiles(record, await hashTree(join(folder, 'files'))),
  };
}

describe('a download', () => {
  it('brings every file and the record, byte for byte, in few calls, and leaves nothing else', async () => {
    const { folder, run, complete } = begin();
    await run();
    expect(await complete()).toEqual([]);
    expect(readFileSync(join(folder, 'release.json'), 'utf8')).toBe(release);
    expect(readdirSync(folder).sort()).toEqual(['files', 'release.json']);
    // Two pages, each as one run of bytes: the first with the large file, the second with small ones alone.
    expect(partCalls.filter(({ path }) => path !== 'release.json')).toHaveLength(
      Math.ceil(bytesOf(0, 200) / partBytes) + 1,
    );
    expect(maxSending).toBeGreaterThan(3);
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
    const { folder, run } = begin();
    await expect(run()).rejects.toThrow('differs from the release');
    expect(existsSync(join(folder, 'files', first))).toBe(false);
  });

  it('continues at the exact byte after any interruption', async () => {
    for (const fault of selectTrials('a download, an interruption', [1, 2, 3, 4], positionKind)) {
      partCalls = [];
      troubles = Array.from({ length: fault }, (_, index) => (index + 1 === fault ? 'fault' : undefined));
      const { run, complete } = begin();
      await expect(run()).rejects.toThrow('503');
      const firstParts = new Set(partCalls.map(({ path, from: offset }) => `${path} ${offset}`));
      const callCount = partCalls.length;
      await run();
      expect(await complete()).toEqual([]);
      // Those behind the fault were on their way when it stopped.
      const repeats = partCalls
        .slice(callCount)
        .filter(({ path, from: offset }) => firstParts.has(`${path} ${offset}`));
      expect(repeats.length).toBeLessThanOrEqual(Math.ceil(bytesOf(0, 200) / partBytes) - fault + 1);
    }
  });

  it.each(names.flatMap(name => (['lost', 'failed'] as const).map(kind => [name, kind] as const)))(
    'completes by the same command, as one use, after any one call to %s is %s',
    async (name, kind) => {
      // So many calls it makes: two pages, the record, and the parts of one page after those of the other.
      const positions = Array.from({ length: { open: 1, take: 1, files: 2, part: 6 }[name] }, (_, index) => index + 1);
      for (const nth of selectTrials(`a download, a call to ${name} is ${kind}`, positions, positionKind)) {
        const { source, run, complete, row, journal } = begin();
        const honest = source[name] as (...values: unknown[]) => Promise<unknown>;
        let calls = 0;
        const faulty = async (...values: unknown[]) => {
          const hit = ++calls === nth;
          const answer = hit && kind === 'failed' ? undefined : await honest(...values);
          if (hit) throw new ExitError('fault', 'The API did not answer.');
          return answer;
        };
        Object.assign(source, { [name]: faulty });
        await expect(run()).rejects.toThrow('The API did not answer.');
        await run();
        expect(await complete()).toEqual([]);
        expect(row.grant.taken).toBe(1);
        // The link of an answer that was lost is opened, and taken by nobody.
        expect(row.grant.links).toHaveLength(name === 'open' && kind === 'lost' && nth === 1 ? 2 : 1);
        expect(journal().begun?.all).toEqual({ files: record.files.length, bytes: record.seal.bytes });
      }
    },
  );

  it('keeps its link when another user or another address is refused, and forgets an expired link', async () => {
    const { run, complete, asker, row, journal } = begin();
    troubles = [undefined, 'fault'];
    await expect(run()).rejects.toThrow('503');
    for (const stranger of [{ id: 'eve' }, { source: '198.51.100.1' }]) {
      const ownAsker = { ...asker };
      const network = row.grant.links[0];
      if (network) network.network = '192.0.2.0/24';
      Object.assign(asker, stranger);
      await expect(run()).rejects.toThrow(/somebody else|from the network/);
      Object.assign(asker, ownAsker);
      expect(journal().begun).toBeDefined();
    }
    await run();
    expect(await complete()).toEqual([]);
    row.grant = revokeGrant(row.grant, 'op', 'A count was too small.', new Date().toISOString());
    await expect(run()).rejects.toThrow('A count was too small.');
    expect(journal().begun).toBeUndefined();
  });

  it('leaves a reusable folder after a download that gave nothing, and refuses a folder with files in it', async () => {
    const { folder, source, run, complete } = begin();
    const honest = source.open;
    source.open = () => Promise.reject(new ExitError('refused', 'This request is not released.', { status: 409 }));
    await expect(run()).rejects.toThrow('not released');
    source.open = honest;
    mkdirSync(join(folder, 'files'));
    mkdirSync(join(folder, '.partial'));
    await run();
    expect(await complete()).toEqual([]);
    for (const path of ['files/mine.txt', 'mine.txt', 'release.json']) {
      const { folder, run } = begin();
      mkdirSync(join(folder, 'files'));
      writeFileSync(join(folder, path), 'mine');
      await expect(run()).rejects.toThrow('is not empty');
      expect(readFileSync(join(folder, path), 'utf8')).toBe('mine');
    }
  });

  it('overwrites no existing file', async () => {
    const { folder, run } = begin();
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
    const { folder, source, run } = begin();
    const honest = source.files;
    source.files = async (...args) => {
      const page = await honest(...args);
      return { ...page, files: page.files.map((file, index) => (index === 3 ? { ...file, path } : file)) };
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
