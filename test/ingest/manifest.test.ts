import { describe, expect, it } from 'vitest';
import { readManifest, sha256sumsLine } from '../../functions/ingest/manifest.ts';
import { pathProblem, visiblePath } from '../../functions/storage/paths.ts';
import { checkDeliveryFiles, toSha256Hex, toSha256Sums } from './delivery.ts';

const hash = toSha256Hex('a');
const read = (text: string | Uint8Array) =>
  readManifest(Buffer.from(text), { name: 'SHA256SUMS', line: sha256sumsLine, decode: path => path, room: 900 });

describe('a line of a manifest', () => {
  it.each([
    ['text mode', `${hash}  a.csv\n`, 'a.csv'],
    ['binary mode', `${hash} *a.csv\n`, 'a.csv'],
    ['upper-case hexadecimal', `${hash.toUpperCase()}  a.csv\n`, 'a.csv'],
    ['CRLF', `${hash}  a.csv\r\n`, 'a.csv'],
    ['no line break at the end', `${hash}  a.csv`, 'a.csv'],
    ['blanks within the name', `${hash}   a  b.csv\n`, ' a  b.csv'],
    ['a name in another script', `${hash}  Ärzte/名.csv\n`, 'Ärzte/名.csv'],
    ['empty lines around', `\n${hash}  a.csv\n\n`, 'a.csv'],
  ])('%s', (_, text, path) => {
    expect(read(text)).toEqual({ entries: [{ path, sha256: hash }], findings: [] });
  });

  it.each([
    ['a short checksum', `${hash.slice(1)}  a.csv`, /Line 1 .*64 hexadecimal/],
    ['a letter that is no digit', `g${hash.slice(1)}  a.csv`, /Line 1 /],
    ['one blank only', `${hash} a.csv`, /Line 1 /],
    ['a tab', `${hash}\ta.csv`, /Line 1 /],
    ['a comment', `${hash}  a.csv\n# by hand\n`, /Line 2 .*# by hand/],
    ['an escaped name', `\\${hash}  a\\nb.csv`, /Line 1 is escaped.*Rename/],
    ['MD5', `d41d8cd98f00b204e9800998ecf8427e  a.csv`, /Line 1 /],
  ])('not %s', (_, text, reason) => {
    expect(read(text).findings).toMatchObject([{ path: 'SHA256SUMS', reason: expect.stringMatching(reason) }]);
  });
});

describe('a manifest that is refused', () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ['empty', '', /is empty/],
    ['nothing but line breaks', '\n\r\n', /is empty/],
    ['with a byte order mark', `\ufeff${hash}  a.csv\n`, /byte order mark/],
    ['UTF-16', Buffer.from(`\ufeff${hash}  a.csv\n`, 'utf16le'), /not valid UTF-8/],
    ['Latin-1', Buffer.from(`${hash}  caf\u00e9.csv\n`, 'latin1'), /not valid UTF-8/],
    ['overlong UTF-8', Buffer.concat([Buffer.from(`${hash}  `), Buffer.from([0xc0, 0xaf])]), /not valid UTF-8/],
    ['larger than 20 MB', Buffer.alloc(20 * 1024 * 1024 + 1, 0x20), /more than 20971520 bytes/],
    ['longer than 100,000 lines', `${hash}  a\n`.repeat(100_001), /more than 100000 lines/],
  ])('%s', (_, text, reason) => {
    const { entries, findings } = read(text);
    expect(entries).toEqual([]);
    expect(findings).toMatchObject([{ path: 'SHA256SUMS', reason: expect.stringMatching(reason) }]);
  });

  it('may have 100,000 lines', () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => `${hash}  ${index}\n`).join('');
    expect(read(lines)).toMatchObject({ findings: [], entries: { length: 100_000 } });
  });
});

describe('paths', () => {
  it.each([
    ['', /empty/],
    ['../a.csv', /`\.\.`/],
    ['a/../../b.csv', /`\.\.`/],
    ['a/..', /`\.\.`/],
    ['/etc/passwd', /absolute/],
    ['//server/share', /absolute/],
    ['a\\b.csv', /backslash/],
    ['..\\b.csv', /backslash/],
    ['C:/a.csv', /drive letter/],
    ['c:a.csv', /drive letter/],
    ['~/a.csv', /home folder/],
    ['~root/a.csv', /home folder/],
    ['./a.csv', /`\.` folder/],
    ['a/./b.csv', /`\.` folder/],
    ['a//b.csv', /empty folder name/],
    ['a/', /ends in a slash/],
    ['a\u0000.csv', /control characters/],
    ['a\u001b[2J.csv', /control characters/],
    ['a\u0085b', /control characters/],
    ['a\rb', /control characters/],
    ['fdp\u202egpj.exe', /direction of text/],
    [`${'x'.repeat(256)}`, /longer than 255 bytes/],
    [`${'é'.repeat(128)}`, /longer than 255 bytes/],
    [`${'a/'.repeat(101)}b`, /folders deep/],
    [Array.from({ length: 10 }, () => 'x'.repeat(100)).join('/'), /longer than 900 bytes/],
  ])('%j is refused', (path, reason) => {
    expect(pathProblem(path, 900)).toMatch(reason);
    const line = `${hash}  ${path}`;
    if (!path.includes('\n')) expect(read(line).entries).toEqual([]);
  });

  it.each(['a', '.hidden', '...a', 'a..b/c', 'a~', 'x/~$a.docx', 'a b', '名/ß', 'a%2e%2e/b', '-rf', 'a\u200db'])(
    '%j is taken',
    path => expect(pathProblem(path, 900)).toBeUndefined(),
  );

  it('are shown without characters that move the cursor or reverse the text', () => {
    expect(visiblePath('a\u001b[31m\u202eb')).toBe('a\\u{1b}[31m\\u{202e}b');
  });

  it('are short enough for a key with the longest prefix', () => {
    const path = (bytes: number) => `${'x'.repeat(200)}/`.repeat(4) + 'y'.repeat(bytes - 804);
    const room = 1024 - `datasets/admissions/${'0'.repeat(64)}/data/`.length;
    expect(checkDeliveryFiles({ [path(room)]: 'a', SHA256SUMS: toSha256Sums({ [path(room)]: 'a' }) }).findings).toEqual(
      [],
    );
    expect(
      checkDeliveryFiles({ [path(room + 1)]: 'a', SHA256SUMS: toSha256Sums({ [path(room + 1)]: 'a' }) }).findings,
    ).toMatchObject([
      { path: path(room + 1), reason: expect.stringMatching(/longer than \d+ bytes/) },
      { reason: expect.stringMatching(/not listed/) },
    ]);
  });
});
