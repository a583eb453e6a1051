import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { fingerprintOf } from '../../../functions/airlock/release/verify.ts';
import { makeTestFolder, runBroch } from '../../cli/harness.ts';
import { buildReleaseRecord, exampleReleaseFiles, makeSigningKeys, signRelease } from './pages.ts';

const pair = makeSigningKeys();
const fingerprint = fingerprintOf(pair.publicKey);

/** A release on disk, as a download leaves it. */
function createRelease(files = exampleReleaseFiles) {
  const folder = makeTestFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, 'files', path)), { recursive: true });
    writeFileSync(join(folder, 'files', path), text);
  }
  const release = signRelease(buildReleaseRecord(files), pair);
  writeFileSync(join(folder, 'release.json'), JSON.stringify(release));
  writeFileSync(join(folder, 'key.pem'), release.publicKey);
  return { folder, json: join(folder, 'release.json'), files: join(folder, 'files'), key: join(folder, 'key.pem') };
}
const verify = (release: { json: string; files: string }, ...otherArguments: string[]) =>
  runBroch(['airlock', 'verify', release.json, release.files, ...otherArguments]);

describe('broch airlock verify', () => {
  it('confirms an unchanged release without a profile, a cloud or a sign-in', async () => {
    const release = createRelease();
    for (const key of [release.key, fingerprint, `SHA256:${fingerprint}`]) {
      const { code, output: stdout, err } = await verify(release, '--key', key);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(stdout).toContain('byte for byte');
      expect(stdout).toContain(fingerprint);
    }
    const { code, err } = await verify(release);
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('save the key once') });
    const { output: stdout } = await verify(release, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, key: { fingerprint, pinned: false }, record: { files: 4 } });
  });

  it.each<[string, (release: ReturnType<typeof createRelease>) => void, string]>([
    ['a changed byte', release => writeFileSync(join(release.files, 'README.md'), '# counts\n'), 'README.md: changed'],
    ['a missing file', release => rmSync(join(release.files, 'README.md')), 'README.md: missing'],
    ['an extra file', release => writeFileSync(join(release.files, 'x'), ''), 'x: extra'],
    [
      'a renamed file',
      release => renameSync(join(release.files, 'README.md'), join(release.files, 'b')),
      'README.md: renamed',
    ],
    [
      'a symbolic link to the same file',
      release => {
        renameSync(join(release.files, 'README.md'), join(release.folder, 'r'));
        symlinkSync(join(release.folder, 'r'), join(release.files, 'README.md'));
      },
      'README.md: refused: It is a symbolic link',
    ],
    ['a folder that is a link', release => symlinkSync('tables', join(release.files, 'more')), 'more: refused'],
    [
      'a Unicode twin',
      release =>
        renameSync(
          join(release.files, 'figures/räntä.svg'),
          join(release.files, 'figures', 'räntä.svg'.normalize('NFD')),
        ),
      'twin',
    ],
    [
      'a recipient of another name',
      release => writeFileSync(release.json, readFileSync(release.json, 'utf8').replaceAll('u-rae', 'u-eve')),
      'does not belong to this record',
    ],
    [
      'another signer',
      release => writeFileSync(release.json, JSON.stringify(signRelease(buildReleaseRecord(), makeSigningKeys()))),
      'another key',
    ],
    ['a file that is no release record', release => writeFileSync(release.json, '{}'), 'not a release record'],
  ])('exits with 3 for %s', async (_, tamper, message) => {
    const release = createRelease();
    tamper(release);
    const { code, err } = await verify(release, '--key', release.key, '--json');
    expect(code).toBe(3);
    expect(JSON.parse(err).errors.join(' ')).toContain(message);
    expect((await verify(release, '--key', release.key)).code).toBe(3);
  });

  it.each([
    [
      'a folder that is not there',
      (release: ReturnType<typeof createRelease>) => verify({ ...release, files: `${release.folder}/no` }),
      'does not exist',
    ],
    [
      'a record that is not there',
      (release: ReturnType<typeof createRelease>) => verify({ ...release, json: `${release.folder}/no` }),
      'does not exist',
    ],
    [
      'an invalid key',
      (release: ReturnType<typeof createRelease>) => verify(release, '--key', 'mine'),
      'neither a file',
    ],
  ])('exits with 2 for %s', async (_, run, message) => {
    const { code, err } = await run(createRelease());
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

describe('broch airlock crate', () => {
  const sha512 = (folder: string) => createHash('sha512').update(readFileSync(folder)).digest('hex');
  const crate = (release: ReturnType<typeof createRelease>, ...otherArguments: string[]) =>
    runBroch([
      'airlock',
      'crate',
      release.json,
      release.files,
      join(release.folder, 'bag'),
      '--key',
      release.key,
      ...otherArguments,
    ]);
  const lines = (folder: string) =>
    readFileSync(folder, 'utf8')
      .trim()
      .split('\n')
      .map(line => line.split('  ') as [string, string]);

  it('packs a bag whose checksums all hold and from which the release verifies again', async () => {
    const release = createRelease();
    const { code, err } = await crate(release, '--workflow', 'https://workflowhub.eu/workflows/289?version=1');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const bag = join(release.folder, 'bag');
    const payload = lines(join(bag, 'manifest-sha512.txt'));
    expect(payload.map(([, path]) => path)).toEqual([
      ...Object.keys(exampleReleaseFiles)
        .sort()
        .map(path => `data/outputs/${path}`),
      'data/release.json',
      'data/ro-crate-metadata.json',
    ]);
    for (const [sum, path] of [...payload, ...lines(join(bag, 'tagmanifest-sha512.txt'))])
      expect(sha512(join(bag, path)), path).toBe(sum);
    expect(readFileSync(join(bag, 'bagit.txt'), 'utf8')).toBe(
      'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n',
    );
    expect(readFileSync(join(bag, 'bag-info.txt'), 'utf8')).toMatch(
      /^External-Identifier: urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}\n/,
    );
    const bagPaths = { json: join(bag, 'data/release.json'), files: join(bag, 'data/outputs') };
    expect((await verify(bagPaths, '--key', release.key)).code).toBe(0);
    expect((await crate(release)).code).toBe(3);
  });

  it('packs the same content as one zip with one folder, readable by other tools', async () => {
    const release = createRelease();
    const zipPath = join(release.folder, 'bag.zip');
    const zipRun = await runBroch([
      'airlock',
      'crate',
      release.json,
      release.files,
      zipPath,
      '--key',
      release.key,
      '--zip',
      '--json',
    ]);
    expect(zipRun).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(zipRun.output)).toMatchObject({ ok: true, bag: zipPath, conforms: false });
    const archive = unzipSync(readFileSync(zipPath));
    const names = Object.keys(archive);
    expect(new Set(names.map(name => name.split('/')[0]))).toEqual(new Set(['asthma-rq-0011223344556677']));
    const text = (path: string) => Buffer.from(archive[`asthma-rq-0011223344556677/${path}`] ?? []).toString();
    for (const [path, content] of Object.entries(exampleReleaseFiles))
      expect(text(`data/outputs/${path}`)).toBe(content);
    const sums = [...text('manifest-sha512.txt').split('\n'), ...text('tagmanifest-sha512.txt').split('\n')].filter(
      Boolean,
    );
    expect(sums).toHaveLength(names.length - 1);
    for (const line of sums) {
      const [sum, path = ''] = line.split('  ');
      expect(createHash('sha512').update(text(path)).digest('hex'), path).toBe(sum);
    }
    const { '@graph': graph } = JSON.parse(text('data/ro-crate-metadata.json'));
    expect(graph.find((entity: { '@id': string }) => entity['@id'] === './')).not.toHaveProperty('conformsTo');
    const secondRun = await runBroch([
      'airlock',
      'crate',
      release.json,
      release.files,
      zipPath,
      '--key',
      release.key,
      '--zip',
    ]);
    expect(secondRun).toMatchObject({ code: 3, err: expect.stringContaining('already exists') });
    const misnamed = await runBroch([
      'airlock',
      'crate',
      release.json,
      release.files,
      join(release.folder, 'x'),
      '--key',
      release.key,
      '--zip',
    ]);
    expect(misnamed.code).toBe(2);
  });

  it('leaves no incomplete archive behind', async () => {
    const release = createRelease({ ...exampleReleaseFiles, 'a/ro-crate-metadata.json': '{}' });
    const zipPath = join(release.folder, 'no/such/folder/bag.zip');
    expect(
      (await runBroch(['airlock', 'crate', release.json, release.files, zipPath, '--key', release.key, '--zip'])).code,
    ).toBe(1);
    expect(existsSync(zipPath)).toBe(false);
  });

  it('removes assessments from the metadata of the requester and reports it', async () => {
    const ownAssessment = {
      '@context': 'https://w3id.org/ro/crate/1.2/context',
      '@graph': [
        { '@id': './', '@type': 'Dataset', mentions: [{ '@id': '#ok' }] },
        { '@id': '#ok', '@type': 'AssessAction' },
      ],
    };
    const release = createRelease({
      ...exampleReleaseFiles,
      'run/ro-crate-metadata.json': JSON.stringify(ownAssessment),
      'ro-crate-metadata.json': '{"a":',
    });
    const { code, err } = await crate(release);
    expect(code).toBe(0);
    expect(err).toContain('1 assessments');
    const text = readFileSync(join(release.folder, 'bag/data/outputs/run/ro-crate-metadata.json'), 'utf8');
    expect(JSON.parse(text)['@graph']).toEqual([{ '@id': './', '@type': 'Dataset', mentions: [] }]);
    expect(readFileSync(join(release.folder, 'bag/data/outputs/ro-crate-metadata.json'), 'utf8')).toBe('{}\n');
  });

  it('packs nothing that was tampered with', async () => {
    const release = createRelease();
    cpSync(join(release.files, 'README.md'), join(release.files, 'more.md'));
    expect((await crate(release)).code).toBe(3);
  });
});
