import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatChecksumList, precheckDelivery, readLocalManifest, walkFolder } from '../../bin/cli/folder.ts';
import { DEFAULT_IGNORED, leaveOutJunk } from '../../bin/cli/junk.ts';
import { listUnfinishedDeliveries, UploadLedger } from '../../bin/cli/ledger.ts';
import { sha256 } from '../../functions/hash.ts';
import { measureProcessorTime } from '../processor-time.ts';
import { sampleRuns } from '../trials.ts';
import { makeTestFolder } from './harness.ts';

/** A folder with these files in it. */
function tree(files: Record<string, string | Uint8Array>): string {
  const folder = makeTestFolder();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

const reasons = (findings: readonly { path: string; reason: string }[]) =>
  findings.map(({ path, reason }) => `${path}: ${reason}`);
async function look(folder: string, checksums?: string) {
  const { files, findings } = await walkFolder(folder);
  const manifest = await readLocalManifest(files, checksums);
  return {
    files,
    manifest,
    findings,
    ...(await precheckDelivery('admissions', files, manifest).then(precheck => ({
      sums: precheck.sums,
      foreseen: reasons(precheck.findings),
    }))),
  };
}

describe('walking a folder', () => {
  it('finds every file at any depth, sorted, and links that stay inside', async () => {
    const folder = tree({ 'b.csv': '1', 'a/x.csv': '22', 'a/deep/er/y': '' });
    symlinkSync('b.csv', join(folder, 'link.csv'));
    const { files, findings } = await walkFolder(folder);
    expect(findings).toEqual([]);
    expect(files.map(({ path, size }) => [path, size])).toEqual([
      ['a/deep/er/y', 0],
      ['a/x.csv', 2],
      ['b.csv', 1],
      ['link.csv', 1],
    ]);
  });
  it('refuses links that lead out, to nothing or in a circle, and what is no file', async () => {
    const folder = tree({ 'a/x.csv': '1' });
    symlinkSync('/etc/passwd', join(folder, 'out'));
    symlinkSync(`${folder}x/../../etc/passwd`, join(folder, 'sly'));
    symlinkSync('nowhere', join(folder, 'dangling'));
    symlinkSync('.', join(folder, 'a/round'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const { files, findings } = await walkFolder(folder);
    expect(files.map(({ path }) => path)).toEqual(['a/x.csv']);
    expect(reasons(findings).sort()).toEqual([
      'a/round: This is a link to a folder. Replace it by the folder itself.',
      'dangling: This link points to nothing. Replace it by the file itself.',
      'out: This link points outside the folder. Replace it by the file itself.',
      'pipe: This is neither a file nor a folder. Remove it.',
      expect.stringMatching(/^sly: This link points (outside|to nothing)/),
    ]);
  });
  it('refuses a link to a folder whose name begins like this one', async () => {
    const folder = makeTestFolder();
    mkdirSync(join(folder, 'in'));
    mkdirSync(join(folder, 'inside'));
    writeFileSync(join(folder, 'inside/secret'), 'x');
    symlinkSync('../inside/secret', join(folder, 'in/link'));
    expect((await walkFolder(join(folder, 'in'))).findings).toHaveLength(1);
  });
  it('refuses names that are not UTF-8', async () => {
    const folder = makeTestFolder();
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from([0xe9])]), 'x');
    expect(reasons((await walkFolder(folder)).findings)[0]).toMatch(/not UTF-8/);
  });
});

describe('problems are reported before anything is uploaded', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    ['a backslash in a name', { 'a\\b.csv': '1' }, /backslash/],
    ['a line break in a name', { 'a\nb.csv': '1' }, /control characters|escaped|does not consist of a SHA-256/],
    ['a name that turns the line round', { 'x\u202efdp.exe': '1' }, /change the direction/],
    ['a home folder', { '~root/x': '1' }, /home folder/],
    ['a drive letter', { 'C:x': '1' }, /drive letter/],
    ['names that differ in case', { 'A.csv': '1', 'a.csv': '2' }, /differ only in case/],
    [
      'a file that the list leaves out',
      { 'a.csv': '1', 'b.csv': '2', SHA256SUMS: `${sha256('1')}  a.csv\n` },
      /^b.csv: .*not listed/,
    ],
    [
      'a listed file that is missing',
      { 'a.csv': '1', SHA256SUMS: `${sha256('1')}  a.csv\n${sha256('2')}  b.csv\n` },
      /^b.csv: .*was not uploaded/,
    ],
    ['a list that leads out', { 'a.csv': '1', SHA256SUMS: `${sha256('1')}  ../a.csv\n` }, /leads out/],
    ['a bag that is none', { 'data/a.csv': '1', 'manifest-sha256.txt': `${sha256('1')}  data/a.csv\n` }, /not a bag/],
    ['two lists', { SHA256SUMS: '', 'manifest-sha256.txt': '' }, /two manifests/],
  ])('%s', async (_, files, reason) => expect((await look(tree(files))).foreseen.join('\n')).toMatch(reason));

  it('passes a good folder, a good list, a list outside the folder and a good bag', async () => {
    expect((await look(tree({ 'a.csv': '1', 'b/c.csv': '2' }))).foreseen).toEqual([]);
    const inFolder = await look(tree({ 'a.csv': '1', SHA256SUMS: `${sha256('1')}  a.csv\n` }));
    expect(inFolder.foreseen).toEqual([]);
    expect(inFolder.sums).toEqual(new Map([['a.csv', sha256('1')]]));
    const externalFile = join(makeTestFolder(), 'sums.txt');
    writeFileSync(externalFile, `${sha256('9')} *a.csv\n`);
    expect((await look(tree({ 'a.csv': '1' }), externalFile)).sums.get('a.csv')).toBe(sha256('9'));
    const bagit = 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n';
    const bag = await look(
      tree({
        'bagit.txt': bagit,
        'data/a.csv': '1',
        'bag-info.txt': 'Payload-Oxum: 1.1\n',
        'manifest-sha256.txt': `${sha256('1')}  data/a.csv\n`,
      }),
    );
    expect(bag).toMatchObject({ foreseen: [], manifest: { name: 'manifest-sha256.txt' } });
  });
  it('checks a folder of ten thousand files in ten seconds of processor time', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`part-${index % 50}/${index}.csv`, '']),
    );
    const folder = tree(files);
    const spentTime = measureProcessorTime();
    expect((await look(folder)).foreseen).toEqual([]);
    expect(spentTime()).toBeLessThan(10_000);
  });
});

describe('the list that is written', () => {
  it('is accepted by sha256sum', async () => {
    const folder = tree({ 'a b.csv': '1', 'ü/c.csv': '2', '*x': '3' });
    const { files } = await walkFolder(folder);
    writeFileSync(
      join(folder, 'SHA256SUMS'),
      formatChecksumList(files.map(({ path, real }) => ({ path, sha256: sha256(readFileSync(real)) }))),
    );
    execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: folder, stdio: 'pipe' });
  });
});

describe('the ledger', () => {
  const purpose = { api: 'https://a', folder: '/data', dataset: 'admissions' };
  const id = 'dl-0011223344556677';
  const entry = (path: string, size = 1) => ({ path, size, mtime: 1.5, sha256: sha256(path), etag: '"e"' });
  const file = (home: string) =>
    join(home, 'broch/deliveries', readdirSync(join(home, 'broch/deliveries'))[0] as string);

  it('remembers any path across runs; the last entry counts', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.nat()), { minLength: 1 }), entries => {
        const env = { XDG_CONFIG_HOME: makeTestFolder() };
        const first = new UploadLedger(env, purpose, id);
        for (const [path, size] of entries) first.add(entry(path, size));
        const reopenedLedger = new UploadLedger(env, purpose, id);
        for (const [path, size] of new Map(entries)) expect(reopenedLedger.get(path)).toEqual(entry(path, size));
        expect(reopenedLedger.paths).toHaveLength(new Map(entries).size);
      }),
      { numRuns: sampleRuns(30) },
    );
  });
  it('survives an incomplete line and lines that others wrote', () => {
    const env = { XDG_CONFIG_HOME: makeTestFolder() };
    new UploadLedger(env, purpose, id).add(entry('a'));
    appendFileSync(file(env.XDG_CONFIG_HOME), '{"path":"b","size":1\nnull\n[]\n{"path":"c","si');
    new UploadLedger(env, purpose, id).add(entry('d'));
    expect(new UploadLedger(env, purpose, id).paths).toEqual(['a', 'd']);
  });
  it('is found by folder, dataset and API, newest first, and deleted when it is closed', () => {
    const env = { XDG_CONFIG_HOME: makeTestFolder() };
    const newer = 'dl-0011223344556678';
    for (const delivery of [id, newer]) new UploadLedger(env, purpose, delivery).add(entry('a'));
    expect(listUnfinishedDeliveries(env, purpose)).toEqual([newer, id]);
    for (const change of [{ api: 'https://b' }, { folder: '/else' }, { dataset: 'deaths' }])
      expect(listUnfinishedDeliveries(env, { ...purpose, ...change })).toEqual([]);
    new UploadLedger(env, purpose, newer).close();
    expect(listUnfinishedDeliveries(env, purpose)).toEqual([id]);
  });
  it('is readable by its owner only', () => {
    const env = { XDG_CONFIG_HOME: makeTestFolder() };
    new UploadLedger(env, purpose, id).add(entry('a'));
    expect(statSync(file(env.XDG_CONFIG_HOME)).mode & 0o077).toBe(0);
  });
});

describe('files that operating systems leave behind', () => {
  const files = ['.DS_Store', 'a/Thumbs.db', 'a/Desktop.ini', 'b/._c.csv', '~$report.docx', 'a.csv', 'ds_store.csv'];
  const pathsOf = (list: readonly { path: string }[]) => list.map(({ path }) => path);

  it('are left out by their names, in any folder and any case', async () => {
    const { files: walkedFiles } = await walkFolder(tree(Object.fromEntries(files.map(path => [path, 'x']))));
    const { deliverable, junk } = leaveOutJunk(walkedFiles, DEFAULT_IGNORED, undefined);
    expect(pathsOf(deliverable)).toEqual(['a.csv', 'ds_store.csv']);
    expect(pathsOf(junk)).toHaveLength(5);
  });

  it('are delivered if the manifest lists them, or if other names are to be left out', async () => {
    const { files: walkedFiles } = await walkFolder(tree({ '.DS_Store': 'x', 'a.csv': '1', 'b.tmp': '2' }));
    const manifest = Buffer.from(`${sha256('x')}  ./.DS_Store\n${sha256('1')}  a.csv\n`);
    expect(pathsOf(leaveOutJunk(walkedFiles, DEFAULT_IGNORED, manifest).junk)).toEqual([]);
    expect(pathsOf(leaveOutJunk(walkedFiles, ['*.tmp'], undefined).deliverable)).toEqual(['.DS_Store', 'a.csv']);
  });
});
