import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';
import { addSha256Sums } from './delivery.ts';
import { deliverFiles, signInNewPerson, waitForDelivery } from './partner.ts';

const cloud = connectTestCloud();

it('a delivery that differs from the data contract of its dataset is held, and the finding names the column', async () => {
  const [partner, steward] = await Promise.all([
    signInNewPerson(cloud, 'contract-petra', 'partner'),
    signInNewPerson(cloud, 'contract-stella', 'steward'),
  ]);
  const fields = [{ name: 'id' }, { name: 'age', type: 'integer' as const }];
  await steward.ask('setContract', {
    params: { dataset: 'ingest-contract' },
    body: { resources: [{ path: 'table.csv', schema: { fields } }] },
  });
  const arrive = (csv: string) => deliverFiles(cloud, partner, 'ingest-contract', addSha256Sums({ 'table.csv': csv }));
  expect(await arrive('id,age\n1,forty\n')).toMatchObject({
    status: 'held',
    findings: [{ path: 'table.csv', reason: expect.stringMatching(/age/) }],
  });
  expect(await arrive('id,age\n1,40\n')).toMatchObject({ status: 'registered' });
});

it('a Parquet file is compared with the data contract row by row, and held if its rows cannot be read, until a data steward accepts it', async () => {
  const [partner, steward] = await Promise.all([
    signInNewPerson(cloud, 'contract-paul', 'partner'),
    signInNewPerson(cloud, 'contract-sue', 'steward'),
  ]);
  const dataset = 'ingest-parquet';
  const fields = [{ name: 'age', type: 'integer' as const, constraints: { maximum: 120 } }];
  await steward.ask('setContract', {
    params: { dataset },
    body: { resources: [{ path: 'table.parquet', schema: { fields } }] },
  });
  const columnData = (ages: number[]) => [{ name: 'age', data: ages, type: 'INT32' as const }];
  const arrive = (content: ArrayBuffer) =>
    deliverFiles(cloud, partner, dataset, addSha256Sums({ 'table.parquet': Buffer.from(content) }));
  expect(await arrive(parquetWriteBuffer({ columnData: columnData([40, 400]) }))).toMatchObject({
    status: 'held',
    findings: [{ path: 'table.parquet', reason: expect.stringMatching(/column age is outside .* first in row 2/) }],
  });
  expect(await arrive(parquetWriteBuffer({ columnData: columnData([40, 41]) }))).toMatchObject({
    status: 'registered',
  });
  const packed = { codec: 'LZ4_RAW', compressors: { LZ4_RAW: (bytes: Uint8Array) => bytes } } as const;
  const delivery = await arrive(parquetWriteBuffer({ columnData: columnData([40, 400]), ...packed }));
  expect(delivery).toMatchObject({
    status: 'held',
    findings: [{ path: 'table.parquet', reason: expect.stringMatching(/packed with LZ4_RAW, which is not read/) }],
    unscanned: { manifest: 'SHA256SUMS' },
  });
  const body = { reason: 'Checked by the partner.' };
  await steward.ask('acceptUnscanned', { params: { delivery: delivery.id }, body });
  const check = 'check' in delivery ? delivery.check : undefined;
  expect(await waitForDelivery(partner, delivery.id, check)).toMatchObject({ status: 'registered', unscanned: body });
});
