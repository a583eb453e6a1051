import { strToU8, zipSync } from 'fflate';
import type { DataContract } from '../../functions/ingest/contract-schemas.ts';
import type { ManifestName } from '../../functions/ingest/schemas.ts';
import { addSha256Sums, type DeliveryFiles, toBag, toSha256Hex } from './delivery.ts';

/** A delivery that must be held, and what its findings must say; `undefined` if it must pass. */
export interface HostileDelivery {
  readonly name: string;
  readonly files: DeliveryFiles;
  readonly manifest?: ManifestName;
  readonly contract?: DataContract;
  readonly finding: RegExp | undefined;
}

const csv = 'id,age\n1,40\n2,41\n';
const sum = toSha256Hex(csv);
/** A file with an odd path, listed and uploaded. */
const at = (name: string, path: string, finding: RegExp | undefined): HostileDelivery => ({
  name,
  files: addSha256Sums({ [path]: csv }),
  finding,
});
/** A manifest as it is, with a.csv beside it. */
const listed = (name: string, text: string | Uint8Array, finding: RegExp | undefined): HostileDelivery => ({
  name,
  files: { 'a.csv': csv, SHA256SUMS: text },
  finding,
});
const content = (name: string, path: string, bytes: string | Uint8Array, finding: RegExp | undefined) => ({
  name,
  files: addSha256Sums({ [path]: bytes }),
  finding,
});

const paths = [
  at('a path that leads out of its folder', '../a.csv', /contains `\.\.`/),
  at('a path that leads out in the middle', 'x/../../a.csv', /contains `\.\.`/),
  at('an absolute path', '/etc/passwd', /absolute/),
  at('a drive letter', 'C:/a.csv', /drive letter/),
  at('a backslash', 'x\\a.csv', /backslash|escaped/),
  at('a home folder', '~/a.csv', /home folder/),
  at('a device of Windows', 'NUL', /device/),
  at('a device of Windows with an extension', 'x/con.csv', /device/),
  at('a name that ends in a dot', 'a.csv.', /ends in a dot or a blank/),
  at('a name that ends in a blank', 'a.csv ', /ends in a dot or a blank/),
  at('a NUL in a name', 'a\0.csv', /control characters/),
  at('an escape sequence in a name', 'a\u001b[2J.csv', /control characters/),
  at('text of the other direction in a name', 'a\u202evsc.exe', /direction of text/),
  at('a star', 'a*.csv', /Windows desktops cannot store/),
  at('a stream of Windows', 'a.csv:hidden', /Windows desktops cannot store/),
  at('an empty folder name', 'x//a.csv', /empty folder name/),
  at('a dot folder in the middle', 'x/./a.csv', /`\.` folder/),
  at('a name of 256 bytes', `${'a'.repeat(252)}.csv`, /longer than 255 bytes/),
  at('a path deeper than file systems have', `${'d/'.repeat(300)}a.csv`, /deep|longer than/),
  at('a name of many scripts, which is no mistake', 'größe 年齢.csv', undefined),
];

const twins: HostileDelivery[] = [
  {
    name: 'two names that differ only in case',
    files: addSha256Sums({ 'a.csv': csv, 'A.csv': csv }),
    finding: /only in case/,
  },
  {
    name: 'NFC and NFD of one name',
    files: addSha256Sums({ 'é.csv': csv, 'e\u0301.csv': csv }),
    finding: /Unicode form/,
  },
  {
    name: 'a name with an invisible twin',
    files: addSha256Sums({ 'ab.csv': csv, 'a\u2060b.csv': csv }),
    finding: /invisible characters|direction of text/,
  },
  { name: 'a file that is a folder too', files: addSha256Sums({ a: csv, 'a/b.csv': csv }), finding: /also a file/ },
  {
    name: 'a file uploaded under the other Unicode form',
    files: { 'e\u0301.csv': csv, SHA256SUMS: `${sum}  é.csv\n` },
    finding: /differs in case or Unicode form/,
  },
];

const manifests = [
  listed('a manifest with a byte order mark', `\ufeff${sum}  a.csv\n`, /byte order mark/),
  listed('a manifest in UTF-16', Buffer.from(`${sum}  a.csv\n`, 'utf16le'), /does not consist|not valid UTF-8/),
  listed('a manifest in Latin-1', Buffer.from(`${sum}  \xe9.csv\n`, 'latin1'), /not valid UTF-8/),
  listed('an empty manifest', '', /manifest is empty/),
  listed('a manifest of blank lines', '\n\n\n', /manifest is empty/),
  listed('line ends of Windows', `${sum}  a.csv\r\n`, undefined),
  listed('stars before names', `${sum} *a.csv\n`, undefined),
  listed('a checksum of another length', `${sum.slice(1)}  a.csv\n`, /does not consist of a SHA-256/),
  listed('an MD5', `${'0'.repeat(32)}  a.csv\n`, /does not consist of a SHA-256/),
  listed('an escaped line', `\\${sum}  a\\n.csv\n`, /is escaped/),
  listed('a file listed twice', `${sum}  a.csv\n${sum}  a.csv\n`, /listed twice/),
  listed('a file listed twice with two checksums', `${sum}  a.csv\n${'0'.repeat(64)}  a.csv\n`, /listed twice/),
  listed('a listed file that did not come', `${sum}  a.csv\n${sum}  b.csv\n`, /was not uploaded/),
  listed('a manifest cut in a line', `${sum}  a.csv\n${sum.slice(0, 20)}`, /does not consist of a SHA-256/),
  listed('a manifest that lists itself', `${sum}  a.csv\n${sum}  SHA256SUMS\n`, /own checksum/),
  listed('another file than was hashed', `${'0'.repeat(64)}  a.csv\n`, /SHA-256 is/),
  listed('a path with a line feed', `${sum}  a\u0085.csv\n`, /control characters|not uploaded/),
  listed('more lines than are read', `${sum}  x\n`.repeat(100_002), /more than 100000 lines/),
  {
    name: 'a file that is not listed',
    files: { 'a.csv': csv, 'b.csv': csv, SHA256SUMS: `${sum}  a.csv\n` },
    finding: /not listed/,
  },
  {
    name: 'two manifests',
    files: { ...addSha256Sums({ 'a.csv': csv }), 'manifest-sha256.txt': `${sum}  data/a.csv\n` },
    finding: /two manifests/,
  },
];

const bags: HostileDelivery[] = [
  { name: 'a bag', files: toBag({ 'a.csv': csv }), finding: undefined },
  {
    name: 'a bag that fetches',
    files: toBag({ 'a.csv': csv }, { 'fetch.txt': 'http://x 1 data/b' }),
    finding: /fetch/,
  },
  {
    name: 'a bag with a wrong Payload-Oxum',
    files: toBag({ 'a.csv': csv }, { 'bag-info.txt': 'Payload-Oxum: 1.1\n' }),
    finding: /Payload-Oxum says/,
  },
  {
    name: 'a bag of an unknown version',
    files: toBag({ 'a.csv': csv }, { 'bagit.txt': 'BagIt-Version: 9.9\nTag-File-Character-Encoding: UTF-8\n' }),
    finding: /exactly two lines/,
  },
  {
    name: 'a bag that lists files outside of data/',
    files: {
      'bagit.txt': 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n',
      'manifest-sha256.txt': `${sum}  a.csv\n`,
      'a.csv': csv,
    },
    finding: /only list files under data/,
  },
].map(bag => ({ ...bag, manifest: 'manifest-sha256.txt' as const }));

/** A zip whose directory says something else than fflate would write. */
function zipWith(change: (directory: DataView) => void, files = { 'a.csv': strToU8(csv) }): Uint8Array {
  const bytes = zipSync(files);
  const start = new DataView(bytes.buffer).getUint32(bytes.length - 6, true);
  change(new DataView(bytes.buffer, start));
  return bytes;
}
const zeros = new Uint8Array(30 * 2 ** 20);
const contents = [
  content('a file without bytes', 'a.csv', '', undefined),
  content('a zip', 'a.zip', zipSync({ 'a.csv': strToU8(csv) }), undefined),
  content('an archive bomb', 'a.zip', zipSync({ 'a.csv': zeros }), /archive bomb/),
  content('a zip whose entry leads out', 'a.zip', zipSync({ '../../a.csv': strToU8(csv) }), /contains `\.\.`/),
  content('a zip with an absolute entry', 'a.zip', zipSync({ '/etc/cron': strToU8(csv) }), /absolute/),
  content('an archive in an archive', 'a.zip', zipSync({ 'b.zip': zipSync({}) }), /archive in an archive/),
  content('a zip cut short', 'a.zip', zipSync({ 'a.csv': strToU8(csv) }).subarray(0, 60), /cut short/),
  content(
    'bytes behind a zip',
    'a.zip',
    Buffer.concat([zipSync({ 'a.csv': strToU8(csv) }), Buffer.from('x')]),
    /behind its end/,
  ),
  content(
    'an encrypted entry',
    'a.zip',
    zipWith(view => view.setUint16(8, 1, true)),
    /is encrypted|cannot be checked/,
  ),
  content(
    'a link in a zip',
    'a.zip',
    zipWith(view => view.setUint32(38, 0xa1ff0000, true)),
    /link to another place/,
  ),
  content(
    'two entries that differ in case',
    'a.zip',
    zipSync({ 'a.csv': strToU8(csv), 'A.csv': strToU8(csv) }),
    /only in case/,
  ),
  content('a 7z archive', 'a.7z', Buffer.from('377abcaf271c0004', 'hex'), /7z archive/),
  content('a RAR archive by another name', 'a.csv', Buffer.from('Rar!\x1a\x07\x00\x00'), /RAR archive/),
  content('a program', 'a.csv', Buffer.from('7f454c46020101', 'hex'), /those of a program/),
  content('a program of Windows', 'a.dat', Buffer.from('MZ\x90\x00\x03\x00\x00\x00'), /those of a program/),
  content(
    'a PDF that is called a table',
    'a.csv',
    Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n'),
    /first bytes are those of/,
  ),
  content(
    'a page that is called a table',
    'a.csv',
    '<!doctype html><html><script>1</script></html>',
    /first bytes are those of/,
  ),
  content('a zip that is called a table', 'a.csv', zipSync({ 'a.csv': strToU8(csv) }), /first bytes are those of/),
];

const contract: DataContract = {
  resources: [
    {
      path: '*.csv',
      minRows: 2,
      maxRows: 3,
      schema: {
        missingValues: [''],
        primaryKey: ['id'],
        fields: [
          { name: 'id', type: 'integer', constraints: { required: true } },
          { name: 'seen', type: 'date', constraints: {} },
          { name: 'age', type: 'number', constraints: { minimum: 0, maximum: 120 } },
          { name: 'sex', type: 'string', constraints: { enum: ['f', 'm'], maxLength: 1 } },
        ],
      },
    },
  ],
};
const good = 'id,seen,age,sex\n1,2026-01-31,40,f\n2,2026-02-28,41.5,m\n';
const table = (name: string, text: string, finding: RegExp | undefined) => ({
  ...content(name, 'a.csv', text, finding),
  contract,
});
const tables = [
  table('a table as agreed', good, undefined),
  table('a table as agreed, in quotes and with line ends of Windows', good.replaceAll('f\n', '"f"\r\n'), undefined),
  table('a contract off by one column', good.replace('seen,', 'seen,extra,'), /extra are not in the contract/),
  table('a column left out', good.replaceAll(/,(sex|f|m)$/gm, ''), /columns sex, which are missing/),
  table('columns in another order', good.replace('id,seen', 'seen,id'), /another order/),
  table('two columns of one name', good.replace('seen', 'id'), /same name/),
  table(
    'a text among numbers',
    good.replace('40', 'forty'),
    /column age is not of the type number: 1 time, first in row 1/,
  ),
  table('a day that no calendar has', good.replace('2026-02-28', '2026-02-30'), /column seen is not of the type date/),
  table('an age out of range', good.replace('41.5', '141.5'), /column age is outside of its range/),
  table('a key that is missing', good.replace('\n2,', '\n,'), /column id is missing/),
  table('a key that repeats', good.replace('\n2,', '\n1,'), /The key id repeats: 1 time, first in row 2/),
  table('a value that was not agreed', good.replace(',m\n', ',x\n'), /not one of the agreed values/),
  table('too few rows', good.replace(/2,2026.*\n/, ''), /1 rows; the contract has 2 at least/),
  table('too many rows', `${good}3,,,\n4,,,\n`, /4 rows; the contract has 3 at most/),
  table('a row with a cell too many', good.replace(',f\n', ',f,f\n'), /another number of cells/),
  table('a table without bytes', '', /no header/),
  {
    name: 'the agreed table did not come',
    files: addSha256Sums({ 'b.txt': 'x' }),
    contract,
    finding: /no file is it/,
  },
];

/** What partners, or somebody in their place, may send. */
export const hostileDeliveries: readonly HostileDelivery[] = [
  ...paths,
  ...twins,
  ...manifests,
  ...bags,
  ...contents,
  ...tables,
];
