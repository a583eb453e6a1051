import { strToU8, zipSync } from 'fflate';
import type { DataContract } from '../../functions/ingest/contract-schemas.ts';
import { addSha256Sums, toBag, toSha256Hex } from './delivery.ts';
import { hostileArchives, hostileUploads } from './hostile-archives.ts';
import type { HostileDelivery } from './hostile-delivery.ts';
import { hostileMalware } from './hostile-malware.ts';

const csv = 'id,age\n1,40\n2,41\n';
const sum = toSha256Hex(csv);
/** A file with an odd path, listed and uploaded. */
const pathCase = (name: string, path: string, finding: RegExp | undefined): HostileDelivery => ({
  name,
  files: addSha256Sums({ [path]: csv }),
  finding,
});
/** A manifest as it is, with a.csv beside it. */
const manifestCase = (name: string, text: string | Uint8Array, finding: RegExp | undefined): HostileDelivery => ({
  name,
  files: { 'a.csv': csv, SHA256SUMS: text },
  finding,
});
const contentCase = (name: string, path: string, bytes: string | Uint8Array, finding: RegExp | undefined) => ({
  name,
  files: addSha256Sums({ [path]: bytes }),
  finding,
});

const paths = [
  pathCase('a path that leads out of its folder', '../a.csv', /contains `\.\.`/),
  pathCase('a path that leads out in the middle', 'x/../../a.csv', /contains `\.\.`/),
  pathCase('an absolute path', '/etc/passwd', /absolute/),
  pathCase('a drive letter', 'C:/a.csv', /drive letter/),
  pathCase('a backslash', 'x\\a.csv', /backslash|escaped/),
  pathCase('a home folder', '~/a.csv', /home folder/),
  pathCase('a device of Windows', 'NUL', /device/),
  pathCase('a device of Windows with an extension', 'x/con.csv', /device/),
  pathCase('a name that ends in a dot', 'a.csv.', /ends in a dot or a blank/),
  pathCase('a name that ends in a blank', 'a.csv ', /ends in a dot or a blank/),
  pathCase('a NUL in a name', 'a\0.csv', /control characters/),
  pathCase('an escape sequence in a name', 'a\u001b[2J.csv', /control characters/),
  pathCase('text of the other direction in a name', 'a\u202evsc.exe', /direction of text/),
  pathCase('a star', 'a*.csv', /Windows desktops cannot store/),
  pathCase('a stream of Windows', 'a.csv:hidden', /Windows desktops cannot store/),
  pathCase('an empty folder name', 'x//a.csv', /empty folder name/),
  pathCase('a dot folder in the middle', 'x/./a.csv', /`\.` folder/),
  pathCase('a name of 256 bytes', `${'a'.repeat(252)}.csv`, /longer than 255 bytes/),
  pathCase('a path deeper than file systems have', `${'d/'.repeat(300)}a.csv`, /deep|longer than/),
  pathCase('a name of many scripts, which is no mistake', 'größe 年齢.csv', undefined),
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
  manifestCase('a manifest with a byte order mark', `\ufeff${sum}  a.csv\n`, /byte order mark/),
  manifestCase('a manifest in UTF-16', Buffer.from(`${sum}  a.csv\n`, 'utf16le'), /does not consist|not valid UTF-8/),
  manifestCase('a manifest in Latin-1', Buffer.from(`${sum}  \xe9.csv\n`, 'latin1'), /not valid UTF-8/),
  manifestCase('an empty manifest', '', /manifest is empty/),
  manifestCase('a manifest of blank lines', '\n\n\n', /manifest is empty/),
  manifestCase('line ends of Windows', `${sum}  a.csv\r\n`, undefined),
  manifestCase('stars before names', `${sum} *a.csv\n`, undefined),
  manifestCase('a checksum of another length', `${sum.slice(1)}  a.csv\n`, /does not consist of a SHA-256/),
  manifestCase('an MD5', `${'0'.repeat(32)}  a.csv\n`, /does not consist of a SHA-256/),
  manifestCase('an escaped line', `\\${sum}  a\\n.csv\n`, /is escaped/),
  manifestCase('a file listed twice', `${sum}  a.csv\n${sum}  a.csv\n`, /listed twice/),
  manifestCase('a file listed twice with two checksums', `${sum}  a.csv\n${'0'.repeat(64)}  a.csv\n`, /listed twice/),
  manifestCase('a listed file that did not come', `${sum}  a.csv\n${sum}  b.csv\n`, /was not uploaded/),
  manifestCase('a manifest cut in a line', `${sum}  a.csv\n${sum.slice(0, 20)}`, /does not consist of a SHA-256/),
  manifestCase('a manifest that lists itself', `${sum}  a.csv\n${sum}  SHA256SUMS\n`, /own checksum/),
  manifestCase('another file than was hashed', `${'0'.repeat(64)}  a.csv\n`, /SHA-256 is/),
  manifestCase('a path with a line feed', `${sum}  a\u0085.csv\n`, /control characters|not uploaded/),
  manifestCase('more lines than are read', `${sum}  x\n`.repeat(100_002), /more than 100000 lines/),
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
  contentCase('a file without bytes', 'a.csv', '', undefined),
  contentCase('a zip', 'a.zip', zipSync({ 'a.csv': strToU8(csv) }), undefined),
  contentCase('an archive bomb', 'a.zip', zipSync({ 'a.csv': zeros }), /archive bomb/),
  contentCase('a zip whose entry leads out', 'a.zip', zipSync({ '../../a.csv': strToU8(csv) }), /contains `\.\.`/),
  contentCase('a zip with an absolute entry', 'a.zip', zipSync({ '/etc/cron': strToU8(csv) }), /absolute/),
  contentCase('an archive in an archive', 'a.zip', zipSync({ 'b.zip': zipSync({}) }), /archive in an archive/),
  contentCase('a zip cut short', 'a.zip', zipSync({ 'a.csv': strToU8(csv) }).subarray(0, 60), /cut short/),
  contentCase(
    'bytes behind a zip',
    'a.zip',
    Buffer.concat([zipSync({ 'a.csv': strToU8(csv) }), Buffer.from('x')]),
    /behind its end/,
  ),
  contentCase(
    'an encrypted entry',
    'a.zip',
    zipWith(view => view.setUint16(8, 1, true)),
    /is encrypted|cannot be checked/,
  ),
  contentCase(
    'a link in a zip',
    'a.zip',
    zipWith(view => view.setUint32(38, 0xa1ff0000, true)),
    /link to another place/,
  ),
  contentCase(
    'two entries that differ in case',
    'a.zip',
    zipSync({ 'a.csv': strToU8(csv), 'A.csv': strToU8(csv) }),
    /only in case/,
  ),
  contentCase('a 7z archive', 'a.7z', Buffer.from('377abcaf271c0004', 'hex'), /7z archive/),
  contentCase('a RAR archive by another name', 'a.csv', Buffer.from('Rar!\x1a\x07\x00\x00'), /RAR archive/),
  contentCase('a program', 'a.csv', Buffer.from('7f454c46020101', 'hex'), /those of a program/),
  contentCase('a program of Windows', 'a.dat', Buffer.from('MZ\x90\x00\x03\x00\x00\x00'), /those of a program/),
  contentCase(
    'a PDF that is called a table',
    'a.csv',
    Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n'),
    /first bytes are those of/,
  ),
  contentCase(
    'a page that is called a table',
    'a.csv',
    '<!doctype html><html><script>1</script></html>',
    /first bytes are those of/,
  ),
  contentCase('a zip that is called a table', 'a.csv', zipSync({ 'a.csv': strToU8(csv) }), /first bytes are those of/),
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
const tableCase = (name: string, text: string, finding: RegExp | undefined) => ({
  ...contentCase(name, 'a.csv', text, finding),
  contract,
});
const tables = [
  tableCase('a table as agreed', good, undefined),
  tableCase('a table as agreed, in quotes and with line ends of Windows', good.replaceAll('f\n', '"f"\r\n'), undefined),
  tableCase('a contract off by one column', good.replace('seen,', 'seen,extra,'), /extra are not in the contract/),
  tableCase('a column left out', good.replaceAll(/,(sex|f|m)$/gm, ''), /columns sex, which are missing/),
  tableCase('columns in another order', good.replace('id,seen', 'seen,id'), /another order/),
  tableCase('two columns of one name', good.replace('seen', 'id'), /same name/),
  tableCase(
    'a text among numbers',
    good.replace('40', 'forty'),
    /column age is not of the type number: 1 time, first in row 1/,
  ),
  tableCase(
    'a day that no calendar has',
    good.replace('2026-02-28', '2026-02-30'),
    /column seen is not of the type date/,
  ),
  tableCase('an age out of range', good.replace('41.5', '141.5'), /column age is outside of its range/),
  tableCase('a key that is missing', good.replace('\n2,', '\n,'), /column id is missing/),
  tableCase('a key that repeats', good.replace('\n2,', '\n1,'), /The key id repeats: 1 time, first in row 2/),
  tableCase('a value that was not agreed', good.replace(',m\n', ',x\n'), /not one of the agreed values/),
  tableCase('too few rows', good.replace(/2,2026.*\n/, ''), /1 rows; the contract has 2 at least/),
  tableCase('too many rows', `${good}3,,,\n4,,,\n`, /4 rows; the contract has 3 at most/),
  tableCase('a row with a cell too many', good.replace(',f\n', ',f,f\n'), /another number of cells/),
  tableCase('a table without bytes', '', /no header/),
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
  ...hostileMalware,
  ...hostileArchives,
  ...hostileUploads,
];
