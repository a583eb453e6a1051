import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleRuns } from '../trials.ts';
import {
  addSha256Sums,
  anyValidFiles,
  checkDeliveryFiles,
  type DeliveryFiles,
  toBag,
  toSha256Hex,
  toSha256Sums,
} from './delivery.ts';

const files: DeliveryFiles = { 'a.csv': 'one', 'sub/b.csv': 'two', 'empty.csv': '' };

const reasons = (files: DeliveryFiles, manifest?: 'manifest-sha256.txt') =>
  checkDeliveryFiles(files, manifest).findings.map(({ path, reason }) => `${path}: ${reason}`);

describe('a list of files', () => {
  it('is accepted when exactly the listed files were uploaded, also empty ones', () => {
    const { files: pinnedFiles, findings, wrong } = checkDeliveryFiles(addSha256Sums(files));
    expect([findings, wrong]).toEqual([[], []]);
    expect(pinnedFiles.map(({ path, target }) => [path, target])).toEqual(Object.keys(files).map(path => [path, path]));
  });

  it('accepts paths that begin with ./, as find and sha256sum write them, and still finds a file listed twice', () => {
    const dotted = toSha256Sums(files).replaceAll('  ', '  ./');
    expect(checkDeliveryFiles({ ...files, SHA256SUMS: dotted })).toMatchObject({ findings: [], wrong: [] });
    expect(
      checkDeliveryFiles({ ...files, SHA256SUMS: dotted })
        .files.map(({ path }) => path)
        .sort(),
    ).toEqual(Object.keys(files).sort());
    const result = checkDeliveryFiles({ ...files, SHA256SUMS: dotted + toSha256Sums({ 'a.csv': 'one' }) });
    expect(result.findings).toEqual([{ path: 'a.csv', reason: expect.stringMatching(/is listed twice/) }]);
    for (const path of ['.//a.csv', './', '../a.csv', './../a.csv'])
      expect(checkDeliveryFiles({ ...files, SHA256SUMS: `${toSha256Hex('one')}  ${path}\n` }).findings).not.toEqual([]);
  });

  it('treats a manifest in a folder as data', () => {
    const payload = { ...files, 'sub/SHA256SUMS': 'not a manifest' };
    expect(checkDeliveryFiles(addSha256Sums(payload)).findings).toEqual([]);
  });

  const withoutA = ({ 'a.csv': _, ...rest }: DeliveryFiles) => rest;
  it.each<[string, DeliveryFiles, RegExp[]]>([
    [
      'missing',
      withoutA(addSha256Sums(files)),
      [/^a\.csv: This file is listed in SHA256SUMS but was not uploaded\. Upload it/],
    ],
    ['extra', { ...addSha256Sums(files), 'c.csv': 'x' }, [/^c\.csv: This file was uploaded but is not listed/]],
    [
      'twice',
      { ...files, SHA256SUMS: toSha256Sums(files) + toSha256Sums({ 'a.csv': 'one' }) },
      [/^a\.csv: .*twice, in lines 1 and 4/],
    ],
    [
      'itself',
      { ...files, SHA256SUMS: toSha256Sums({ ...files, SHA256SUMS: '' }) },
      [/^SHA256SUMS: The manifest cannot contain its own checksum/],
    ],
    ['case', addSha256Sums({ 'a.csv': 'x', 'A.CSV': 'y' }), [/^A\.CSV: .*a\.csv differ only in case/]],
    ['folder case', addSha256Sums({ 'x/a.csv': 'x', 'X/a.csv': 'y' }), [/^X\/a\.csv: .*only in case/]],
    ['Unicode', addSha256Sums({ '\u00e9.csv': 'x', 'e\u0301.csv': 'y' }), [/^e\u0301\.csv: .*Unicode form/]],
    [
      'file and folder',
      addSha256Sums({ a: 'x', 'A/b': 'y' }),
      [/^A\/b: This file is in a folder a, but there is also a file with that name/],
    ],
    [
      'uploaded under another Unicode form',
      { 'e\u0301.csv': 'x', SHA256SUMS: toSha256Sums({ '\u00e9.csv': 'x' }) },
      [/^\u00e9\.csv: .*was uploaded as e\u0301\.csv, which differs/, /^e\u0301\.csv: .*not listed/],
    ],
    ['two manifests', addSha256Sums({ ...files, 'manifest-sha256.txt': 'x' }), [/two manifests/]],
  ])('%s', (_, files, expected) => {
    expect(reasons(files)).toEqual(expected.map(reason => expect.stringMatching(reason)));
  });

  it('finds every change to a file and names the file', () => {
    const tamper = fc.constantFrom('flip', 'drop', 'add', 'rename', 'swap', 'duplicate', 'truncate');
    fc.assert(
      fc.property(anyValidFiles, tamper, fc.nat(), (clean, damage, pick) => {
        const intact = addSha256Sums(clean);
        expect(checkDeliveryFiles(intact)).toMatchObject({ findings: [], wrong: [] });
        const paths = Object.keys(clean);
        const path = paths[pick % paths.length] ?? '';
        const content = String(clean[path]);
        const { [path]: _, ...remainingFiles } = intact;
        const damagedFiles: DeliveryFiles = {
          flip: { ...intact, [path]: `${content.slice(0, -1)}${content.endsWith('\u0001') ? '\u0002' : '\u0001'}` },
          drop: remainingFiles,
          add: { ...intact, [`${path}.more`]: content },
          rename: { ...remainingFiles, [`${path}.more`]: content },
          swap: { ...intact, [path]: `${content}.` },
          duplicate: { ...intact, SHA256SUMS: `${intact.SHA256SUMS}${toSha256Hex(content)}  ${path}\n` },
          truncate: { ...intact, [path]: content === '' ? '0' : content.slice(1) },
        }[damage];
        const { findings, wrong } = checkDeliveryFiles(damagedFiles);
        const foundPaths = [...findings.map(finding => finding.path), ...wrong];
        expect(foundPaths).toContain(damage === 'add' ? `${path}.more` : path);
      }),
      { numRuns: sampleRuns(300) },
    );
  });
});

describe('a bag', () => {
  const whole = toBag(files);
  const retagged = (change: DeliveryFiles) => {
    const { 'tagmanifest-sha256.txt': _, ...rest } = { ...whole, ...change };
    return rest;
  };

  it('has the same version as its payload delivered with a list', () => {
    const { files: pinnedFiles, findings, wrong } = checkDeliveryFiles(whole, 'manifest-sha256.txt');
    expect([findings, wrong]).toEqual([[], []]);
    expect(pinnedFiles.flatMap(({ target }) => target ?? [])).toEqual(Object.keys(files));
  });

  it('has its tag files verified but not copied', () => {
    const { wrong } = checkDeliveryFiles(
      { ...whole, 'bag-info.txt': `${whole['bag-info.txt']}X: y\n` },
      'manifest-sha256.txt',
    );
    expect(wrong).toEqual(['bag-info.txt']);
  });

  it('may have percent signs in names but no line breaks', () => {
    expect(checkDeliveryFiles(toBag({ '100%.csv': 'x', '%0A.csv': 'y' }), 'manifest-sha256.txt').findings).toEqual([]);
    const brokenFiles = { 'manifest-sha256.txt': `${toSha256Hex('x')}  data/a%0Ab.csv\n` };
    expect(reasons(retagged(brokenFiles), 'manifest-sha256.txt')[0]).toMatch(
      /^data\/a\\u\{a\}b\.csv: .*control characters/,
    );
  });

  it.each<[string, DeliveryFiles, RegExp]>([
    ['fetch.txt', retagged({ 'fetch.txt': 'http://169.254.169.254/ - data/x' }), /^fetch\.txt: Files listed in fetch/],
    [
      'a wrong Payload-Oxum',
      retagged({ 'bag-info.txt': 'Payload-Oxum: 7.3\n' }),
      /says 7 bytes in 3 files, but 6 bytes in 3/,
    ],
    ['an unreadable Payload-Oxum', retagged({ 'bag-info.txt': 'Payload-Oxum: 6\n' }), /exactly once/],
    ['two of them', retagged({ 'bag-info.txt': 'Payload-Oxum: 6.3\nPayload-Oxum: 6.3\n' }), /exactly once/],
    [
      'another version',
      retagged({ 'bagit.txt': 'BagIt-Version: 2.0\nTag-File-Character-Encoding: UTF-8\n' }),
      /BagIt-Version: 1\.0/,
    ],
    [
      'a file beside data/',
      retagged({ 'notes.txt': 'x' }),
      /^notes\.txt: This file was uploaded but is not listed in tagmanifest/,
    ],
    [
      'a file in data/ that is not listed',
      retagged({ 'data/x': '' }),
      /^data\/x: .*not listed in manifest-sha256\.txt/,
    ],
    [
      'a listed file outside data/',
      retagged({ 'manifest-sha256.txt': `${whole['manifest-sha256.txt']}${toSha256Hex('')}  x\n` }),
      /^x: The manifest of a bag may only list files under data\//,
    ],
    ['a path out of data/', retagged({ 'manifest-sha256.txt': `${toSha256Hex('')}  data/../../x\n` }), /`\.\.`/],
    [
      'a missing tag file',
      { ...whole, 'tagmanifest-sha256.txt': toSha256Sums({ 'about.txt': 'x' }) },
      /^about\.txt: This file is listed in tagmanifest-sha256\.txt but/,
    ],
    ['SHA256SUMS besides', retagged({ SHA256SUMS: toSha256Sums(files) }), /two manifests/],
  ])('is held for %s', (_, files, reason) => {
    expect(reasons(files, 'manifest-sha256.txt')).toContainEqual(expect.stringMatching(reason));
  });

  it('is held without bagit.txt', () => {
    const { 'bagit.txt': _, ...rest } = retagged({});
    expect(reasons(rest, 'manifest-sha256.txt')).toEqual([expect.stringMatching(/^bagit\.txt: This file is missing/)]);
  });
});
