import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordOf, type SignedRelease, signingInput } from '../../../functions/airlock/release/record.ts';
import {
  compareFiles,
  type FoundFile,
  fingerprintOf,
  parseKeyPin,
  verifyRecord,
} from '../../../functions/airlock/release/verify.ts';
import { Refused } from '../../../functions/refused.ts';
import { sampleRuns } from '../../trials.ts';
import { buildReleaseRecord, exampleReleaseFiles, hashReleaseText, makeSigningKeys, signRelease } from './pages.ts';

const pair = makeSigningKeys();
const release = signRelease(buildReleaseRecord(), pair);
const fingerprint = fingerprintOf(pair.publicKey);
const wrongOf = (value: unknown, pin?: string) => verifyRecord(JSON.stringify(value), pin).wrong.join(' ');

describe('the record of a release', () => {
  it('is accepted with its own key, given as fingerprint or PEM', () => {
    expect(verifyRecord(JSON.stringify(release), fingerprint)).toMatchObject({ wrong: [], fingerprint });
    expect(parseKeyPin(release.publicKey)).toBe(fingerprint);
    expect(parseKeyPin(`SHA256:${fingerprint.toUpperCase().replace(/..(?=.)/g, '$&:')}`)).toBe(fingerprint);
    expect(parseKeyPin('not a key')).toBeUndefined();
  });

  it('is accepted with its members in any order and with any white space', () => {
    const reversed = JSON.parse(JSON.stringify(release), (_, value) =>
      value !== null && typeof value === 'object' && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).reverse())
        : value,
    );
    expect(verifyRecord(JSON.stringify(reversed, null, 3), fingerprint).wrong).toEqual([]);
  });

  it('is signed as the same text by every version: signatures outlive the program that made them', () => {
    // An early one: it names reviewers by their ids.
    const [firstTime, secondTime] = buildReleaseRecord().reviewers.map(vote => vote.at) as [string, string];
    const reviewers = [
      { id: 'u-one', at: firstTime },
      { id: 'u-two', at: secondTime },
    ];
    expect(hashReleaseText(signingInput({ ...buildReleaseRecord(), reviewers }))).toBe(
      'cd35ae257c9aa242387f9d8d5caf6485e763a9e08bbf918463859a7cfe6d47a8',
    );
  });

  it('has no id of a reviewer: they are numbered in the order of their votes', () => {
    const voters = [
      { id: 'u-late', at: '2026-11-01T10:30:00.000Z' },
      { id: 'u-early', at: '2026-11-01T10:00:00.000Z' },
    ];
    const { reviewers } = buildReleaseRecord(undefined, { reviewers: voters });
    expect(reviewers).toEqual([
      { id: 'reviewer 1', at: '2026-11-01T10:00:00.000Z' },
      { id: 'reviewer 2', at: '2026-11-01T10:30:00.000Z' },
    ]);
  });

  it('keeps how much of the files each reviewer saw', () => {
    const timestamp = '2026-11-01T10:00:00.000Z';
    const { reviewers } = buildReleaseRecord(undefined, { reviewers: [{ id: 'u', at: timestamp, extent: 'part' }] });
    expect(reviewers).toEqual([{ id: 'reviewer 1', at: timestamp, extent: 'part' }]);
  });

  it('is not signed when two programs could read its text differently', () => {
    expect(() => signingInput({ ...buildReleaseRecord(), policy: 'half a pair \ud800' })).toThrow('surrogate');
    expect(() => signingInput({ ...buildReleaseRecord(), round: Number.NaN })).toThrow('NaN');
  });

  it('is refused when another key signed it, even if that signature is valid', () => {
    expect(wrongOf(signRelease(buildReleaseRecord(), makeSigningKeys()), fingerprint)).toMatch(
      'another key than the one you trust',
    );
  });

  it.each<[string, (release: SignedRelease) => unknown]>([
    ['another recipient', release => ({ ...release, record: { ...release.record, recipient: 'u-eve' } })],
    [
      'one reviewer less',
      release => ({ ...release, record: { ...release.record, reviewers: release.record.reviewers.slice(1) } }),
    ],
    ['one file less', release => ({ ...release, record: { ...release.record, files: release.record.files.slice(1) } })],
    ['a later end', release => ({ ...release, record: { ...release.record, expires: '2036-12-01T11:00:05.000Z' } })],
    [
      'another public key',
      release => ({ ...release, publicKey: makeSigningKeys().publicKey.export({ format: 'pem', type: 'spki' }) }),
    ],
  ])('has a broken signature after a change: %s', (_, change) =>
    expect(wrongOf(change(release))).toMatch('does not belong to this record'),
  );

  it.each<[string, unknown, RegExp]>([
    ['text that is not JSON', undefined, /not JSON/],
    ['a member too many', { ...release, note: 'trust me' }, /not a release record/],
    [
      'a member too many in the record',
      { ...release, record: { ...release.record, __note: 1 } },
      /not a release record/,
    ],
    [
      'another algorithm',
      { ...release, signature: { ...release.signature, algorithm: 'none' } },
      /not a release record/,
    ],
    ['an empty signature', { ...release, signature: { ...release.signature, value: '' } }, /not a release record/],
    ['an invalid key', { ...release, publicKey: 'hello' }, /cannot be read/],
    [
      'an RSA key',
      {
        ...release,
        publicKey: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
          format: 'pem',
          type: 'spki',
        }),
      },
      /not one of ECDSA over P-256/,
    ],
  ])('is refused with a defect: %s', (_, value, message) => expect(wrongOf(value)).toMatch(message));

  it('is refused after a change of any one character', () => {
    const text = JSON.stringify(release);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('0', '1', 'a', 'Z', '"', ' ', '}'), (index, sign) => {
        fc.pre(text[index] !== sign);
        const { wrong, record } = verifyRecord(text.slice(0, index) + sign + text.slice(index + 1), fingerprint);
        // What is left unharmed by it must mean the very same.
        if (wrong.length === 0) expect(record).toEqual(release.record);
      }),
      { numRuns: sampleRuns(300) },
    );
  });
});

describe('a record that contradicts itself', () => {
  const { v: _, algorithm: __, ...good } = buildReleaseRecord();
  it.each<[string, Partial<typeof good>, RegExp]>([
    ['the requester reviewed', { requester: 'reviewer 1' }, /is the requester/],
    ['a reviewer twice', { reviewers: [good.reviewers[0], good.reviewers[0]] as never }, /listed twice/],
    ['a verdict after approval', { approvedAt: '2026-11-01T10:30:00.000Z' }, /before a reviewer voted/],
    ['released before approved', { releasedAt: '2026-11-01T10:59:00.000Z' }, /before it was approved/],
    ['expired when released', { expires: '2026-11-01T11:00:05.000Z' }, /already expired/],
    ['more files than sealed', { seal: { ...good.seal, files: 1 } }, /more files/],
    ['sizes that differ', { seal: { ...good.seal, bytes: good.seal.bytes + 1 } }, /total size differs/],
    ['a path out of the folder', { files: [{ path: '../x', size: 1, sha256: hashReleaseText('x') }] }, /leads out/],
    [
      'names that are one name elsewhere',
      { files: ['A.csv', 'a.csv'].map(path => ({ path, size: 1, sha256: hashReleaseText('x') })) },
      /differ only in case/,
    ],
  ])('is neither made nor accepted: %s', (_, changes, message) => {
    let details = '';
    try {
      recordOf({ ...good, ...changes });
    } catch (error) {
      details = error instanceof Refused ? error.details.join(' ') : String(error);
    }
    expect(details).toMatch(message);
    const forgery = { ...buildReleaseRecord(), ...changes };
    expect(wrongOf(signRelease(forgery, pair), fingerprint)).toMatch(message);
  });
});

describe('the downloaded folder', () => {
  const record = buildReleaseRecord();
  const asReleased = (): FoundFile[] => record.files.map(file => ({ ...file }));
  const filesWithout = (path: string) => asReleased().filter(file => file.path !== path);
  const file = (path: string, text: string): FoundFile => ({
    path,
    size: Buffer.byteLength(text),
    sha256: hashReleaseText(text),
  });
  const table = 'tables/counts.csv';

  it('has no difference as released, in any order of its files', () => {
    expect(compareFiles(record, asReleased())).toEqual([]);
    expect(compareFiles(record, asReleased().reverse())).toEqual([]);
  });

  it.each<[string, FoundFile[], [string, string][]]>([
    ['a missing file', filesWithout(table), [[table, 'missing']]],
    ['an extra file', [...asReleased(), file('z.txt', 'z')], [['z.txt', 'extra']]],
    ['another size', [...filesWithout(table), file(table, 'x')], [[table, 'changed']]],
    [
      'a byte',
      [...filesWithout(table), file(table, exampleReleaseFiles[table]?.replace('12', '13') ?? '')],
      [[table, 'changed']],
    ],
    [
      'a file moved',
      [...filesWithout(table), file('tables/old.csv', exampleReleaseFiles[table] ?? '')],
      [[table, 'renamed']],
    ],
    [
      'a symbolic link in place of a file',
      [...filesWithout(table), { path: table, link: 'a link' }],
      [[table, 'refused']],
    ],
    ['an extra link', [...asReleased(), { path: 'here', link: 'a link' }], [['here', 'refused']]],
    [
      'its twin in the other Unicode form',
      [...filesWithout('figures/räntä.svg'), file('figures/räntä.svg'.normalize('NFD'), '<svg/>')],
      [['figures/räntä.svg', 'twin']],
    ],
    ['its twin in another case', [...filesWithout('README.md'), file('readme.md', 'other')], [['README.md', 'twin']]],
    [
      'the twin beside it',
      [...asReleased(), file('figures/räntä.svg'.normalize('NFD'), '<svg/>')],
      [['figures/räntä.svg'.normalize('NFD'), 'extra']],
    ],
    ['a name that turns its text', [...asReleased(), file('a\u202evsc.exe', 'x')], [['a\\u{202e}vsc.exe', 'extra']]],
  ])('is reported as different with %s', (_, foundFiles, expected) =>
    expect(compareFiles(record, foundFiles).map(({ path, kind }) => [path, kind])).toEqual(expected),
  );

  it('is refused unless it is exactly the released folder', () => {
    const names = fc.constantFrom(...record.files.map(({ path }) => path), 'new', 'README.MD');
    const bytes = fc.constantFrom(...Object.values(exampleReleaseFiles), 'other');
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(names, bytes), { selector: ([name]) => name }), pairs => {
        const foundFiles = pairs.map(([path, text]) => file(path, text));
        const isEqual =
          foundFiles.length === record.files.length &&
          record.files.every(file => foundFiles.some(two => JSON.stringify(file) === JSON.stringify(two)));
        expect(compareFiles(record, foundFiles).length === 0).toBe(isEqual);
      }),
      { numRuns: sampleRuns(300) },
    );
  });
});
