import { createCipheriv } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import type { Delivery } from '../../functions/ingest/schemas.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, groupCallsByFunction, watchCalls } from '../faults.ts';
import { pauseSince } from '../pause.ts';
import { areTrialsComplete, selectTrials } from '../trials.ts';
import { toSha256Hex, toSha256Sums } from './delivery.ts';
import { openPartnerLanding, signInNewPerson, waitForDelivery } from './partner.ts';

const cloud = connectTestCloud();
const lake = cloud.outputs['data.Lake'] ?? '';
const root = new S3Client(cloud.configuration);
const dataset = 'large-scans';
/** More than the embedded cloud's functions read: `ingest.streamGiB` in local/config.json. */
const LARGE_BYTES = 33 * 1024 ** 2;
let [partner, steward]: ApiClient[] = [];
let watch: Awaited<ReturnType<typeof watchCalls>>;

/** As many bytes that no other file of the test has, quickly. */
const bytesOf = (seed: number, size = LARGE_BYTES): Buffer =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(size));

beforeAll(async () => {
  const groups = ['partner', 'steward'] as const;
  [partner, steward] = await Promise.all(groups.map(group => signInNewPerson(cloud, `large-${group}`, group)));
  watch = await watchCalls(cloud, (await partner?.ask('showMe'))?.id ?? '', [], { step: 2, route: 2 });
});
afterAll(() => watch?.end());

async function openLanding() {
  const { id } = await (partner as ApiClient).ask('openDelivery', { body: { dataset } });
  const { s3, bucket: Bucket, prefix } = await openPartnerLanding(cloud, partner as ApiClient, id);
  return {
    id,
    put: (path: string, Body: string | Buffer, isHashed = false) =>
      s3.send(
        new PutObjectCommand({
          ...{ Bucket, Key: prefix + path, Body },
          ...(isHashed && { ChecksumSHA256: Buffer.from(toSha256Hex(Body), 'hex').toString('base64') }),
        }),
      ),
    /** In parts, each with its SHA-256, as `broch deliver` sends large files. */
    putParts: (path: string, Body: Buffer) =>
      new Upload({
        client: s3,
        partSize: 16 * 1024 ** 2,
        params: { Bucket, Key: prefix + path, Body, ChecksumAlgorithm: 'SHA256' },
      }).done(),
  };
}
const rest = (id: string, previousCheck?: string) => waitForDelivery(partner as ApiClient, id, previousCheck);
const checkOf = (delivery: Delivery) => ('check' in delivery ? delivery.check : '');

const read = async (Key: string) => {
  const { Body } = await root.send(new GetObjectCommand({ Bucket: lake, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? '');
};

/** The description of a version, which Broch writes some time after the registration. */
async function waitForCrate(version: string) {
  for (const start = Date.now(); ; await pauseSince(start))
    try {
      return JSON.parse((await read(`datasets/${dataset}/${version}/ro-crate-metadata.json`)).toString('utf8'));
    } catch (error) {
      if (Date.now() > start + 60_000) throw error;
    }
}

it('each file has its proof, which the delivery and the description of the version name', async () => {
  const scan = bytesOf(1);
  const files = { 'scan.bin': scan, 'hashed.bin': bytesOf(2, 6 * 1024 ** 2), 'notes.txt': 'Two scanners.\n' };
  const landing = await openLanding();
  await landing.putParts('scan.bin', scan);
  await landing.put('hashed.bin', files['hashed.bin'], true);
  await landing.put('notes.txt', files['notes.txt']);
  await landing.put('SHA256SUMS', toSha256Sums({ ...files, 'scan.bin': bytesOf(3) }));
  const heldDelivery = await rest(landing.id);
  expect(heldDelivery).toMatchObject({
    status: 'held',
    findings: [
      { path: 'scan.bin', reason: expect.stringContaining(`The SHA-256 is ${toSha256Hex(scan)}, but the manifest`) },
    ],
  });
  await landing.put('SHA256SUMS', toSha256Sums(files));
  const delivery = await rest(landing.id, checkOf(heldDelivery));
  if (delivery.status !== 'registered') throw new Error(JSON.stringify(delivery));
  expect(delivery.proofs).toEqual({ computed: 1, stored: 1, streamed: 1 });
  const prefix = `datasets/${dataset}/${delivery.version}/data/`;
  for (const [path, content] of Object.entries(files))
    expect(Buffer.compare(await read(prefix + path), Buffer.from(content))).toBe(0);
  const { '@graph': graph } = await waitForCrate(delivery.version);
  const proofOf = (path: string) =>
    graph.find((item: { '@id': string }) => item['@id'] === `data/${path}`).additionalProperty['@id'];
  expect(Object.keys(files).map(proofOf)).toEqual(['#sha256-computed', '#sha256-stored', '#sha256-streamed']);
});

it('a table that is too large to be read is held, and its rows stay unchecked only if a data steward accepts that', async () => {
  const table = Buffer.alloc(LARGE_BYTES, 'id,age\n1,40\n');
  const landing = await openLanding();
  await landing.putParts('visits.csv', table);
  await landing.put('SHA256SUMS', toSha256Sums({ 'visits.csv': table }));
  const delivery = await rest(landing.id);
  expect(delivery).toMatchObject({
    status: 'held',
    findings: [
      { path: 'visits.csv', reason: expect.stringMatching(/too large to be read: 33554432 bytes are the limit/) },
    ],
    unscanned: { manifest: 'SHA256SUMS' },
  });
  const body = { reason: 'Checked by the partner.' };
  await steward?.ask('acceptUnscanned', { params: { delivery: landing.id }, body });
  const receipt = await rest(landing.id, checkOf(delivery));
  expect(receipt).toMatchObject({ status: 'registered', proofs: { computed: 1 }, unscanned: body });
});

let deliveryCount = 0;

/** Delivers one large file with the faults, which all happen. Returns the calls of the functions. */
async function deliverLarge(faults: readonly Fault[]) {
  const scan = bytesOf(100 + ++deliveryCount);
  const landing = await openLanding();
  await landing.putParts('scan.bin', scan);
  await watch.rearm(faults);
  await landing.put('SHA256SUMS', toSha256Sums({ 'scan.bin': scan }));
  expect(await rest(landing.id)).toMatchObject({ status: 'registered', proofs: { computed: 1 } });
  const { calls, unmet } = await watch.calls();
  expect(unmet).toEqual([]);
  await watch.rearm([]);
  return calls;
}

it('whichever AWS call of a checksum job fails, or only its answer is lost, the file is proven and registered', async () => {
  const calls = groupCallsByFunction(await deliverLarge([])).get('ingest/checksum.lambda.ts') ?? [];
  const actions = calls.map(({ action }) => action);
  for (const action of ['s3:CreateJob', 's3:DescribeJob', 's3:PutObject']) expect(actions).toContain(action);
  const faults = calls.flatMap(({ action, nth }) =>
    (['error', 'lost'] as const).map(
      (kind): Fault => ({ function: 'ingest/checksum.lambda.ts', action, nth, how: kind }),
    ),
  );
  // A sample fails every operation in each way, all in one run for each way.
  const selection = selectTrials('ingest, an AWS call of a checksum job fails', faults, ({ action, how: kind }) => [
    `${action} ${kind}`,
  ]);
  const runs = areTrialsComplete
    ? selection.map(fault => [fault])
    : (['error', 'lost'] as const).map(kind => selection.filter(fault => fault.how === kind));
  for (const run of runs) await deliverLarge(run);
}, 3_600_000);
