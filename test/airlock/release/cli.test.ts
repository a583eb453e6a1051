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
function released(files = exampleReleaseFiles) {
  const at = makeTestFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(at, 'files', path)), { recursive: true });
    writeFileSync(join(at, 'files', path), text);
  }
  const release = signRelease(buildReleaseRecord(files), pair);
  writeFileSync(join(at, 'release.json'), JSON.stringify(release));
  writeFileSync(join(at, 'key.pem'), release.publicKey);
  return { at, json: join(at, 'release.json'), files: join(at, 'files'), key: join(at, 'key.pem') };
}
const verify = (of: { json: string; files: string }, ...more: string[]) =>
  runBroch(['airlock', 'verify', of.json, of.files, ...more]);

describe('broch airlock verify', () => {
  it('confirms an unchanged release without a profile, a cloud or a sign-in', async () => {
    const of = released();
    for (const key of [of.key, fingerprint, `SHA256:${fingerprint}`]) {
      const { code, out, err } = await verify(of, '--key', key);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain('byte for byte');
      expect(out).toContain(fingerprint);
    }
    const { code, err } = await verify(of);
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('keep the key once') });
    const { out } = await verify(of, '--json');
    expect(JSON.parse(out)).toMatchObject({ ok: true, key: { fingerprint, pinned: false }, record: { files: 4 } });
  });

  it.each<[string, (of: ReturnType<typeof released>) => void, string]>([
    ['a changed byte', of => writeFileSync(join(of.files, 'README.md'), '# counts\n'), 'README.md: changed'],
    ['a missing file', of => rmSync(join(of.files, 'README.md')), 'README.md: missing'],
    ['an extra file', of => writeFileSync(join(of.files, 'x'), ''), 'x: extra'],
    ['a renamed file', of => renameSync(join(of.files, 'README.md'), join(of.files, 'b')), 'README.md: renamed'],
    [
      'a symbolic link to the same file',
      of => {
        renameSync(join(of.files, 'README.md'), join(of.at, 'r'));
        symlinkSync(join(of.at, 'r'), join(of.files, 'README.md'));
      },
      'README.md: refused: It is a symbolic link',
    ],
    ['a folder that is a link', of => symlinkSync('tables', join(of.files, 'more')), 'more: refused'],
    [
      'a Unicode twin',
      of => renameSync(join(of.files, 'figures/räntä.svg'), join(of.files, 'figures', 'räntä.svg'.normalize('NFD'))),
      'twin',
    ],
    [
      'a recipient of another name',
      of => writeFileSync(of.json, readFileSync(of.json, 'utf8').replaceAll('u-rae', 'u-eve')),
      'does not belong to this record',
    ],
    [
      'another signer',
      of => writeFileSync(of.json, JSON.stringify(signRelease(buildReleaseRecord(), makeSigningKeys()))),
      'another key',
    ],
    ['a file that is no release record', of => writeFileSync(of.json, '{}'), 'not a release record'],
  ])('exits with 3 for %s', async (_, tamper, says) => {
    const of = released();
    tamper(of);
    const { code, err } = await verify(of, '--key', of.key, '--json');
    expect(code).toBe(3);
    expect(JSON.parse(err).errors.join(' ')).toContain(says);
    expect((await verify(of, '--key', of.key)).code).toBe(3);
  });

  it.each([
    [
      'a folder that is not there',
      (of: ReturnType<typeof released>) => verify({ ...of, files: `${of.at}/no` }),
      'is not there',
    ],
    [
      'a record that is not there',
      (of: ReturnType<typeof released>) => verify({ ...of, json: `${of.at}/no` }),
      'is not there',
    ],
    ['an invalid key', (of: ReturnType<typeof released>) => verify(of, '--key', 'mine'), 'neither a file'],
  ])('exits with 2 for %s', async (_, run, says) => {
    const { code, err } = await run(released());
    expect(code).toBe(2);
    expect(err).toContain(says);
  });
});

describe('broch airlock crate', () => {
  const sha512 = (at: string) => createHash('sha512').update(readFileSync(at)).digest('hex');
  const crate = (of: ReturnType<typeof released>, ...more: string[]) =>
    runBroch(['airlock', 'crate', of.json, of.files, join(of.at, 'bag'), '--key', of.key, ...more]);
  const lines = (at: string) =>
    readFileSync(at, 'utf8')
      .trim()
      .split('\n')
      .map(line => line.split('  ') as [string, string]);

  it('packs a bag whose checksums all hold and from which the release verifies again', async () => {
    const of = released();
    const { code, err } = await crate(of, '--workflow', 'https://workflowhub.eu/workflows/289?version=1');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const bag = join(of.at, 'bag');
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
    const again = { json: join(bag, 'data/release.json'), files: join(bag, 'data/outputs') };
    expect((await verify(again, '--key', of.key)).code).toBe(0);
    expect((await crate(of)).code).toBe(3);
  });

  it('packs the same content as one zip with one folder, readable by other tools', async () => {
    const of = released();
    const out = join(of.at, 'bag.zip');
    const zipped = await runBroch(['airlock', 'crate', of.json, of.files, out, '--key', of.key, '--zip', '--json']);
    expect(zipped).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(zipped.out)).toMatchObject({ ok: true, bag: out, conforms: false });
    const found = unzipSync(readFileSync(out));
    const names = Object.keys(found);
    expect(new Set(names.map(name => name.split('/')[0]))).toEqual(new Set(['asthma-rq-0011223344556677']));
    const text = (path: string) => Buffer.from(found[`asthma-rq-0011223344556677/${path}`] ?? []).toString();
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
    expect(graph.find((one: { '@id': string }) => one['@id'] === './')).not.toHaveProperty('conformsTo');
    const again = await runBroch(['airlock', 'crate', of.json, of.files, out, '--key', of.key, '--zip']);
    expect(again).toMatchObject({ code: 3, err: expect.stringContaining('is there already') });
    const misnamed = await runBroch([
      'airlock',
      'crate',
      of.json,
      of.files,
      join(of.at, 'x'),
      '--key',
      of.key,
      '--zip',
    ]);
    expect(misnamed.code).toBe(2);
  });

  it('leaves no incomplete archive behind', async () => {
    const of = released({ ...exampleReleaseFiles, 'a/ro-crate-metadata.json': '{}' });
    const out = join(of.at, 'no/such/folder/bag.zip');
    expect((await runBroch(['airlock', 'crate', of.json, of.files, out, '--key', of.key, '--zip'])).code).toBe(1);
    expect(existsSync(out)).toBe(false);
  });

  it('removes assessments from the metadata of the requester and reports it', async () => {
    const own = {
      '@context': 'https://w3id.org/ro/crate/1.2/context',
      '@graph': [
        { '@id': './', '@type': 'Dataset', mentions: [{ '@id': '#ok' }] },
        { '@id': '#ok', '@type': 'AssessAction' },
      ],
    };
    const of = released({
      ...exampleReleaseFiles,
      'run/ro-crate-metadata.json': JSON.stringify(own),
      'ro-crate-metadata.json': '{"a":',
    });
    const { code, err } = await crate(of);
    expect(code).toBe(0);
    expect(err).toContain('1 assessments');
    const text = readFileSync(join(of.at, 'bag/data/outputs/run/ro-crate-metadata.json'), 'utf8');
    expect(JSON.parse(text)['@graph']).toEqual([{ '@id': './', '@type': 'Dataset', mentions: [] }]);
    expect(readFileSync(join(of.at, 'bag/data/outputs/ro-crate-metadata.json'), 'utf8')).toBe('{}\n');
  });

  it('packs nothing that was tampered with', async () => {
    const of = released();
    cpSync(join(of.files, 'README.md'), join(of.files, 'more.md'));
    expect((await crate(of)).code).toBe(3);
  });
});
