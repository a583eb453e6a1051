import { expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';
import { addSha256Sums } from './delivery.ts';
import { deliverFiles, signInNewPerson } from './partner.ts';

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
