import { gzipSync } from 'node:zlib';
import { strToU8, zipSync } from 'fflate';
import { addSha256Sums } from './delivery.ts';
import type { HostileDelivery } from './hostile-delivery.ts';

interface TarEntry {
  readonly name: string;
  readonly type?: string;
  readonly content?: string;
}

/** A tar as POSIX describes it. */
function makeTar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ name, type = '0', content = '' }) => {
    const header = Buffer.alloc(512);
    header.write(name.slice(0, 100), 0);
    header.write('0000644\0', 100);
    header.write(`${Buffer.byteLength(content).toString(8).padStart(11, '0')}\0`, 124);
    header.write('        ', 148);
    header.write(type, 156);
    header.write('ustar\u000000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const data = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512);
    data.write(content);
    return [header, data];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const archiveCase = (name: string, path: string, bytes: Uint8Array, finding: RegExp | undefined) => ({
  name,
  files: addSha256Sums({ [path]: bytes }),
  finding,
});
const good = makeTar([{ name: 'x/', type: '5' }, { name: 'x/a.csv', content: 'id\n1\n' }, { name: 'b.csv' }]);
const traversal = makeTar([{ name: 'a.csv', content: 'id\n' }, { name: '../../etc/cron' }]);
const damaged = Buffer.from(makeTar([{ name: 'a.csv', content: 'x'.repeat(600) }, { name: 'b.csv' }]));
damaged.write('9', 512 + 1024 + 3);
const paxPath = '27 path=../../../etc/passwd\n';

/** Archives without a directory, which are looked into as they pass. */
export const hostileArchives: readonly HostileDelivery[] = [
  archiveCase('a tar', 'a.tar', good, undefined),
  archiveCase('a tar in a gzip', 'a.tar.gz', gzipSync(good), undefined),
  archiveCase('a table in a gzip', 'a.csv.gz', gzipSync('id\n1\n'.repeat(10_000)), undefined),
  archiveCase('a gzip bomb', 'a.csv.gz', gzipSync(Buffer.alloc(30 * 2 ** 20)), /archive bomb/),
  archiveCase(
    'a bomb behind a table in a gzip',
    'a.csv.gz',
    gzipSync(Buffer.concat([Buffer.from('id\n'), Buffer.alloc(2 ** 25)])),
    /bomb/,
  ),
  archiveCase(
    'a gzip of noise',
    'a.csv.gz',
    Buffer.concat([gzipSync('x').subarray(0, 10), Buffer.alloc(900, 0xff)]),
    /cannot be unpacked/,
  ),
  archiveCase('a gzip in a gzip', 'a.csv.gz', gzipSync(gzipSync('id\n1\n')), /archive in an archive/),
  archiveCase('a zip in a gzip', 'a.gz', gzipSync(zipSync({ 'a.csv': strToU8('x') })), /archive in an archive/),
  archiveCase('a tar whose entry leads out', 'a.tar', traversal, /contains `\.\.`/),
  archiveCase('a tar in a gzip whose entry leads out', 'a.tgz', gzipSync(traversal), /contains `\.\.`/),
  archiveCase('a tar with an absolute entry', 'a.tar', makeTar([{ name: '/etc/passwd' }]), /absolute/),
  archiveCase('a tar with a link', 'a.tar', makeTar([{ name: 'a', type: '2' }]), /link to another place/),
  archiveCase('a tar with a device', 'a.tar', makeTar([{ name: 'a', type: '3' }]), /device or a pipe/),
  archiveCase('a tar with an archive', 'a.tar', makeTar([{ name: 'a.zip' }]), /archive in an archive/),
  archiveCase('a tar with a damaged header', 'a.tar', damaged, /header is damaged/),
  archiveCase(
    'a tar whose long name leads out',
    'a.tar',
    makeTar([{ name: '././@LongLink', type: 'L', content: '../../x' }, { name: 'x' }]),
    /contains `\.\.`/,
  ),
  archiveCase(
    'a tar whose POSIX name leads out',
    'a.tar',
    makeTar([{ name: 'pax', type: 'x', content: paxPath }, { name: 'x' }]),
    /contains `\.\.`/,
  ),
];

const sum = addSha256Sums({ 'big.csv': '1\n'.repeat(1000) }).SHA256SUMS ?? '';

/** Uploads in parts that did not end as they should. */
export const hostileUploads: readonly HostileDelivery[] = [
  { name: 'an upload in parts that was never completed', files: { SHA256SUMS: sum }, finding: /was not uploaded/ },
  {
    name: 'an upload in parts that was completed without its last part',
    files: { 'big.csv': '1\n'.repeat(900), SHA256SUMS: sum },
    finding: /SHA-256 is/,
  },
  { name: 'an empty file in place of an upload', files: { 'big.csv': '', SHA256SUMS: sum }, finding: /SHA-256 is/ },
];
