import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { DATASET_LIST_KEY } from '../../functions/datasets/access-policy.ts';
import type { DatasetUse } from '../../functions/datasets/schemas.ts';
import type { ReadyProject } from '../../functions/projects/schemas.ts';
import { connectTestCloud } from '../cloud.ts';
import { addSha256Sums, toSha256Hex } from '../ingest/delivery.ts';
import { deliverFiles, signInNewPerson } from '../ingest/partner.ts';
import {
  buildProjectFor,
  minimisedOf,
  openDesktopOf,
  readByAccessPoint,
  tomorrow,
  waitForAnswer,
  waitForMinimised,
} from './harness.ts';

const cloud = connectTestCloud();
const root = new S3Client(cloud.configuration);
const dataset = 'mini-visits';
const visits = 'nhs,name,born,postcode,region\n1,Ann,1980-04-09,DD1 9SY,North\n2,Bob,1990-01-01,DD2 1AA,South\n';
const labs = 'patient,value\n2,7.1\n';
const recipe = {
  recipe: 1 as const,
  tables: [
    {
      path: 'visits.csv',
      columns: [
        { name: 'nhs', do: 'hash' as const, as: 'person' },
        { name: 'born', do: 'date' as const, to: 'year' as const },
        { name: 'postcode', do: 'postcode' as const, to: 'area' as const },
        { name: 'region', do: 'keep' as const },
      ],
    },
    {
      path: 'labs/*.csv',
      columns: [
        { name: 'patient', do: 'hash' as const, as: 'person' },
        { name: 'value', do: 'keep' as const },
      ],
    },
  ],
};

let [operator, partner, owner, lead]: ApiClient[] = [];
let [project, otherProject]: ReadyProject[] = [];
let source: string;

beforeAll(async () => {
  const people = ['operator', 'partner', 'steward', 'researcher'] as const;
  [operator, partner, owner, lead] = await Promise.all(
    people.map(group => signInNewPerson(cloud, `mini-${group}`, group)),
  );
  const files = { 'visits.csv': visits, 'labs/2026.csv': labs, 'notes.txt': 'Ann and Bob\n' };
  const delivery = await deliverFiles(cloud, partner as ApiClient, dataset, addSha256Sums(files));
  if (delivery.status !== 'registered') throw new Error(JSON.stringify(delivery));
  source = delivery.version;
  const body = { title: 'Visits', controller: 'A', licence: 'B', purposes: ['research' as const], days: 30 };
  const ownerName = (await owner?.ask('showMe'))?.name ?? '';
  await operator?.ask('governDataset', { params: { dataset }, body: { ...body, owner: ownerName } });
  project = await buildProjectFor(operator as ApiClient, lead as ApiClient, 'mini-one');
  otherProject = await buildProjectFor(operator as ApiClient, lead as ApiClient, 'mini-two');
});

const requestUse = (id: string, tables: unknown = recipe.tables) =>
  lead?.ask('requestUse', {
    params: { project: id },
    body: {
      dataset,
      purpose: 'research',
      endsAt: tomorrow(),
      explanation: 'Visits by region.',
      recipe: { recipe: 1, tables } as typeof recipe,
    },
  }) as Promise<DatasetUse>;

const approveUse = ({ project: id, id: use, recipeDigest: digest }: DatasetUse) =>
  owner?.ask('approveUse', { params: { project: id, use }, body: { recipe: digest } });

const waitForUse = (use: DatasetUse) => waitForMinimised(lead as ApiClient, use);
const persons = (table: string) =>
  table
    .trim()
    .split('\n')
    .slice(1)
    .map(line => line.split(',')[0]);

it('a project reads the minimised version of an approved recipe, and never the delivered version', async () => {
  const request = await requestUse('mini-one');
  const params = { project: 'mini-one', use: request.id };
  for (const body of [{}, { recipe: 'a'.repeat(64) }])
    await expect(owner?.ask('approveUse', { params, body })).rejects.toThrow(/has the recipe [0-9a-f]{64}\. Read it/);
  await approveUse(request);
  const use = await waitForUse(request);
  const minimised = minimisedOf(use);
  expect(minimised).toMatchObject({ files: 3, rowsRead: 3, rowsWritten: 3, cellsEmptied: 0, filesLeftOut: 1 });
  expect(minimised.version).not.toBe(source);
  const reader = project as ReadyProject;
  const keyOf = (path: string) => `${minimised.prefix}data/${path}`;
  await waitForAnswer(cloud, keyOf('labs/2026.csv'), reader, await readRoot(keyOf('labs/2026.csv')));
  const [table, results] = await Promise.all(
    ['visits.csv', 'labs/2026.csv'].map(path => readByAccessPoint(cloud, keyOf(path), reader)),
  );
  const [ann, bob] = persons(table ?? '');
  expect(table).toBe(`person,born,postcode,region\n${ann},1980,DD,North\n${bob},1990,DD,South\n`);
  expect(persons(results ?? '')).toEqual([bob]);
  expect(ann).toMatch(/^[0-9a-f]{32}$/);
  for (const path of ['visits.csv', 'notes.txt', 'labs/2026.csv'])
    expect(await readByAccessPoint(cloud, `${request.prefix}data/${path}`, reader)).toBe('AccessDenied');
  expect(await readByAccessPoint(cloud, keyOf('visits.csv'), otherProject as ReadyProject)).toBe('AccessDenied');
  const desktop = await openDesktopOf(cloud, reader);
  const Bucket = reader.network.datasets?.alias;
  const { Contents = [] } = await desktop.send(new ListObjectsV2Command({ Bucket, Prefix: keyOf('') }));
  expect(Contents.map(({ Key }) => Key)).toEqual(['labs/2026.csv', 'minimisation.json', 'visits.csv'].map(keyOf));
  const list = await root.send(new GetObjectCommand({ Bucket: reader.network.bucket, Key: DATASET_LIST_KEY }));
  expect(JSON.parse((await list.Body?.transformToString()) ?? '').datasets).toMatchObject([
    { dataset, version: minimised.version, prefix: keyOf('') },
  ]);
});

async function readRoot(Key: string): Promise<string> {
  const { Body } = await root.send(new GetObjectCommand({ Bucket: cloud.outputs['data.Lake'], Key }));
  return (await Body?.transformToString()) ?? '';
}

it('the minimised version says how it came about, as counts and never as values', async () => {
  const uses = await lead?.ask('listProjectUses', { params: { project: 'mini-one' } });
  const use = uses?.items[0] ?? expect.fail();
  const { prefix, version } = minimisedOf(use);
  const manifest = await readRoot(`${prefix}SHA256SUMS`);
  expect(toSha256Hex(manifest)).toBe(version);
  const [record, crate] = await Promise.all(
    ['data/minimisation.json', 'ro-crate-metadata.json'].map(path => readRoot(prefix + path)),
  );
  expect(JSON.parse(record ?? '')).toMatchObject({ source, recipeDigest: use.recipeDigest, project: 'mini-one' });
  expect(record + (crate ?? '')).not.toMatch(/Ann|Bob|1980|DD1/);
  const graph = JSON.parse(crate ?? '')['@graph'] as { '@id': string }[];
  expect(graph.find(entity => entity['@id'] === './')).toMatchObject({
    'prov:wasGeneratedBy': { '@id': '#minimisation' },
    'prov:wasDerivedFrom': { '@id': `urn:sha256:${source}` },
  });
  expect(graph.find(entity => entity['@id'] === '#minimisation')).toMatchObject({
    instrument: { '@id': `urn:sha256:${use.recipeDigest}` },
  });
});

it('another project gets other pseudonyms of the same people', async () => {
  const request = await requestUse('mini-two');
  await approveUse(request);
  const version = minimisedOf(await waitForUse(request));
  const uses = await lead?.ask('listProjectUses', { params: { project: 'mini-one' } });
  const ownVersion = minimisedOf(uses?.items[0] ?? expect.fail());
  const [ownTable, otherTable] = await Promise.all(
    [ownVersion, version].map(({ prefix }) => readRoot(`${prefix}data/visits.csv`)),
  );
  const people = [...persons(ownTable ?? ''), ...persons(otherTable ?? '')];
  expect(new Set(people).size).toBe(4);
  expect(version.version).not.toBe(ownVersion.version);
});

it.each([
  ['a column', [{ path: 'visits.csv', columns: [{ name: 'age', do: 'keep' }] }], /visits\.csv has no column age/],
  ['a file', [{ path: 'visit.csv', columns: [{ name: 'age', do: 'keep' }] }], /no file visit\.csv/],
])(
  'a recipe that names %s that does not exist makes no version, and the use ends with the reason',
  async (_, tables, reason) => {
    const request = await requestUse('mini-one', tables);
    await approveUse(request);
    const use = await waitForUse(request);
    expect(use).toMatchObject({ status: 'ended', reason: expect.stringMatching(reason) });
  },
  120_000,
);
