import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { memorySource } from '../../disclosure/byte-source.ts';
import { DataContract } from '../../functions/ingest/contract-schemas.ts';
import { unreadFinding } from '../../functions/ingest/delivery-scan.ts';
import { createFileCheck } from '../../functions/ingest/file-check.ts';

const contract = DataContract.parse({
  resources: [{ path: '*.csv', schema: { fields: [{ name: 'id' }, { name: 'age', type: 'integer' }] } }],
});
const tar = Buffer.concat([Buffer.alloc(257), Buffer.from('ustar'), Buffer.alloc(762)]);

it('only the check of tables and of archives without a directory needs every byte of a file', () => {
  const needsAll = (path: string, head: Uint8Array) => createFileCheck(path, path).readsAll(head);
  for (const [path, head] of [
    ['a.csv', Buffer.from('id\n')],
    ['a.tsv', Buffer.from('id\n')],
    ['a.bin', gzipSync('x')],
    ['a.bin', tar],
  ] as const)
    expect([path, needsAll(path, head)]).toEqual([path, true]);
  for (const path of ['a.bin', 'a.zip', 'a.parquet', 'a.png', 'a.txt'])
    expect([path, needsAll(path, Buffer.from('PK\u0003\u0004'))]).toEqual([path, false]);
  // The tag files of a bag are not checked.
  expect(createFileCheck('bagit.txt', undefined).readsAll(tar)).toBe(false);
});

it('of a file that was not read only the beginning is judged, and a finding says what nobody checked', async () => {
  const bytes = Buffer.from('id,age\n1,forty\n');
  const judge = async (isRead: boolean) => {
    const check = createFileCheck('a.csv', 'a.csv', contract);
    if (isRead) check.take(bytes);
    const { findings, shape } = await check.end(bytes, memorySource(bytes), isRead);
    return [findings.length, shape?.rows];
  };
  expect([await judge(true), await judge(false)]).toEqual([
    [1, 1],
    [0, undefined],
  ]);
  const program = createFileCheck('a.csv', 'a.csv', contract);
  const head = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
  expect((await program.end(head, memorySource(head), false)).findings).toHaveLength(1);
  expect(unreadFinding('a.csv', 100)).toMatchObject({
    unscanned: true,
    reason: expect.stringMatching(/accept-unscanned/),
  });
});
