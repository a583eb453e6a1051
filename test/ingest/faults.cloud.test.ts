import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { ExitError } from '../../bin/cli/exit.ts';
import { verifyErasureReceipt } from '../../functions/datasets/receipt.ts';
import { connectTestCloud } from '../cloud.ts';
import { callScheduledFunction, endLocks } from '../datasets/harness.ts';
import { type Fault, groupCallsByFunction, holdCall, type WatchedCall, watchCalls } from '../faults.ts';
import { pauseSince } from '../pause.ts';
import { selectTrials } from '../trials.ts';
import { openAgreement } from './agreement.ts';
import { addSha256Sums, toSha256Hex } from './delivery.ts';
import { countKeyVersions, deliverFiles, signInNewPerson, uploadDeliveryFiles, waitForDelivery } from './partner.ts';

const cloud = connectTestCloud();
const lake = cloud.outputs['data.Lake'] ?? '';
type Watch = Awaited<ReturnType<typeof watchCalls>>;
let [operator, partner, steward]: ApiClient[] = [];
let partnerName = '';
let stewardName = '';
let watches: Watch[] = [];

beforeAll(async () => {
  const groups = ['operator', 'partner', 'steward'] as const;
  [operator, partner, steward] = await Promise.all(
    groups.map(group => signInNewPerson(cloud, `ingest-faults-${group}`, group)),
  );
  const people = await Promise.all([partner?.ask('showMe'), steward?.ask('showMe')]);
  [partnerName = '', stewardName = ''] = people.map(person => person?.name);
  // A call of the API has the id of its person in its event, and every step of a check has that of the partner.
  watches = await Promise.all(people.map(person => watchCalls(cloud, person?.id ?? '')));
});
afterAll(async () => {
  for (const watch of watches) await watch.end();
});

const show = (delivery: string) => partner?.ask('showDelivery', { params: { delivery } });
const rest = (id: string, ...statuses: Parameters<typeof waitForDelivery>[3] & {}) =>
  waitForDelivery(partner as ApiClient, id, undefined, statuses);

/** Runs in which a call of every function fails in the same way: each fault in one run. */
function packRuns(faults: readonly Fault[]): Fault[][] {
  const runs = new Map<string, Fault[]>();
  const counts = new Map<string, number>();
  for (const fault of faults) {
    const place = `${fault.function} ${fault.how}`;
    const count = counts.get(place) ?? 0;
    counts.set(place, count + 1);
    const run = `${fault.how} ${count}`;
    runs.set(run, [...(runs.get(run) ?? []), fault]);
  }
  return [...runs.values()];
}

describe('whichever AWS call of a delivery fails', () => {
  const dataset = 'ingest-faults';
  let deliveryCount = 0;

  beforeAll(async () => {
    const body = { ...openAgreement, datasets: [dataset], acceptance: 'steward' as const };
    await operator?.ask('registerPartner', { params: { name: partnerName }, body });
  });

  /** Repeats a call that failed through a fault, as a person does. */
  async function insist<T>(call: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++)
      try {
        return await call();
      } catch (error) {
        const isRefused = error instanceof ExitError && error.ending === 'refused';
        if (tries === 4 || (isRefused && !error.message.includes('still in progress'))) throw error;
      }
  }

  /** Uploads a file in parts through the API. */
  async function uploadInParts(delivery: string, path: string, content: string): Promise<void> {
    const ask = partner?.ask as ApiClient['ask'];
    const params = { delivery };
    const size = content.length;
    const { upload } = await insist(() => ask('startUpload', { params, body: { path, size } }));
    const { urls } = await insist(() => ask('signUpload', { params, body: { path, upload, parts: [1] } }));
    expect((await fetch(urls[0]?.url ?? '', { method: 'PUT', body: content })).status).toBe(200);
    await insist(() => ask('completeUpload', { params, body: { path, upload, size } }));
  }

  /** A whole delivery with these faults: held for a wrong byte, corrected, accepted and registered. Returns its calls. */
  async function deliver(faults: readonly Fault[]): Promise<WatchedCall[]> {
    const content = `id,region\n${++deliveryCount},North\n`;
    const files = addSha256Sums({ 'a.csv': content, 'b.csv': content });
    for (const watch of watches) await watch.rearm(faults);
    const { id } = await insist(() => (partner as ApiClient).ask('openDelivery', { body: { dataset } }));
    const params = { delivery: id };
    await insist(() => (partner as ApiClient).ask('uploadAccess', { params }));
    await uploadInParts(id, 'a.csv', `${content}!`);
    const { 'a.csv': _, ...otherFiles } = files;
    await uploadDeliveryFiles(cloud, partner as ApiClient, id, otherFiles);
    const heldDelivery = await rest(id, 'held');
    expect(heldDelivery).toMatchObject({
      findings: [{ path: 'a.csv', reason: expect.stringMatching(/^The SHA-256 is/) }],
    });
    await uploadDeliveryFiles(cloud, partner as ApiClient, id, files);
    await rest(id, 'awaitingApproval');
    await insist(() => (steward as ApiClient).ask('acceptDelivery', { params }));
    const delivery = await rest(id, 'registered');
    const sorted = ['a.csv', 'b.csv'].map(path => `${toSha256Hex(content)}  ${path}\n`).join('');
    expect(delivery).toMatchObject({ version: toSha256Hex(sorted), files: 2, accepted: { byName: stewardName } });
    const prefix = `datasets/${dataset}/${toSha256Hex(sorted)}/`;
    expect(await countKeyVersions(cloud, lake, prefix)).toEqual({ 'data/a.csv': 1, 'data/b.csv': 1, SHA256SUMS: 1 });
    const { items = [] } = (await steward?.ask('listVersions', { params: { dataset }, query: { limit: 100 } })) ?? {};
    expect(items.filter(({ delivery: origin }) => origin === id)).toHaveLength(1);
    const runs = await Promise.all(watches.map(watch => watch.calls()));
    // A fault happens to the calls of one person, and so in one of the watches.
    const unmet = runs.map(run => run.unmet.map(({ function: name, action }) => `${name} ${action}`));
    expect(faults.filter(fault => unmet.every(names => names.includes(`${fault.function} ${fault.action}`)))).toEqual(
      [],
    );
    return runs.flatMap(({ calls }) => calls);
  }

  it('in any function, or only its answer is lost, the delivery becomes one version', async () => {
    // On a busy machine a function may be called once more. Only what every delivery calls can be made to fail.
    const nameOf = ({ function: name, action, same: nth }: WatchedCall) => `${name} ${action} ${nth}`;
    const earlierNames = new Set((await deliver([])).map(nameOf));
    const calls = (await deliver([])).filter(call => earlierNames.has(nameOf(call)));
    const faults = [...groupCallsByFunction(calls)]
      // A person who reads only repeats the call.
      .filter(([name]) => name.startsWith('ingest/') && !name.includes(' GET '))
      .flatMap(([name, list]) =>
        (['error', 'lost'] as const).flatMap(kind =>
          // The last calls first: they are the ones that write.
          list.toReversed().map(({ action, nth }): Fault => ({ function: name, action, nth, how: kind })),
        ),
      );
    const names = new Set(faults.map(({ function: name }) => name.split('.')[0]));
    for (const step of ['api', 'receive', 'plan', 'verify', 'reject', 'approve', 'copy', 'register'])
      expect(names).toContain(`ingest/${step}`);
    // A sample fails one call of every function in each way.
    const selection = selectTrials('ingest, an AWS call of a delivery fails', faults, fault => [
      `${fault.function} ${fault.how}`,
    ]);
    for (const run of packRuns(selection)) await deliver(run);
  }, 3_600_000);
});

describe('a delivery whose dataset is withdrawn', () => {
  const [earlyDataset, lateDataset] = ['ingest-gone-early', 'ingest-gone-late'];
  const content = 'id,age\n1,40\n';
  const erase = () => callScheduledFunction(cloud, 'functions/datasets/erase.lambda.ts');
  /** The copies of the second delivery's file in the lake. */
  const listCopies = async (dataset: string) =>
    Object.keys(await countKeyVersions(cloud, lake, `datasets/${dataset}/`)).filter(path =>
      path.endsWith('/data/b.csv'),
    );

  beforeAll(async () => {
    await operator?.ask('registerPartner', { params: { name: partnerName }, body: openAgreement });
    const body = { title: 'Visits', controller: 'A', licence: 'B', purposes: ['research' as const], days: 30 };
    for (const dataset of [earlyDataset, lateDataset]) {
      await deliverFiles(cloud, partner as ApiClient, dataset, addSha256Sums({ 'a.csv': content }));
      await operator?.ask('governDataset', { params: { dataset }, body: { ...body, owner: stewardName } });
    }
  });

  /** Withdraws the dataset before this step of the delivery begins. Returns the delivery's id. */
  async function withdrawBefore(step: Fault, dataset: string, meanwhile: () => Promise<void>): Promise<string> {
    const { id } = await (partner as ApiClient).ask('openDelivery', { body: { dataset } });
    const [watch] = watches;
    await watch?.rearm([step]);
    await uploadDeliveryFiles(cloud, partner as ApiClient, id, addSha256Sums({ 'b.csv': content }));
    const isHeld = async () => (await watch?.calls())?.calls.some(({ how: kind }) => kind === 'hold');
    for (const start = Date.now(); !(await isHeld()); await pauseSince(start))
      if (Date.now() > start + 60_000) throw new Error(`${step.function} was never called`);
    await steward?.ask('withdrawDataset', { params: { dataset }, body: { reason: 'The agreement ended.' } });
    await meanwhile();
    await watch?.rearm([]);
    expect(await rest(id, 'rejected')).toMatchObject({
      rejectedByName: 'Broch',
      reason: expect.stringMatching(new RegExp(`dataset ${dataset} was withdrawn at .*Ask your data steward`)),
    });
    return id;
  }

  it('before the copy is rejected with the reason, and nothing of it is copied', async () => {
    await withdrawBefore(holdCall('ingest/copy.lambda.ts', 'dynamodb:PutItem DATASET'), earlyDataset, async () => {});
    expect(await listCopies(earlyDataset)).toEqual([]);
    await expect(partner?.ask('openDelivery', { body: { dataset: earlyDataset } })).rejects.toThrow(/was withdrawn/);
  });

  it('between the copy and the registration is rejected too, and the receipt of the deletion lists what was copied', async () => {
    const prefixes = [`datasets/${lateDataset}/`, `manifests/${lateDataset}/`];
    const id = await withdrawBefore(
      holdCall('ingest/register.lambda.ts', 'dynamodb:GetItem PARTNER'),
      lateDataset,
      async () => {
        expect(await listCopies(lateDataset)).toHaveLength(1);
        await endLocks(cloud, prefixes);
        // A step may still write, so nothing is deleted.
        await erase();
        expect(await listCopies(lateDataset)).toHaveLength(1);
      },
    );
    const { items = [] } = (await steward?.ask('listVersions', { params: { dataset: lateDataset } })) ?? {};
    expect(items).toHaveLength(1);
    expect((await show(id))?.status).toBe('rejected');
    const [path = ''] = await listCopies(lateDataset);
    await erase();
    for (const prefix of prefixes) expect(await countKeyVersions(cloud, lake, prefix)).toEqual({});
    const receipt = await steward?.ask('showReceipt', { params: { dataset: lateDataset } });
    const { record, problems } = verifyErasureReceipt(JSON.stringify(receipt));
    expect(problems).toEqual([]);
    expect(record?.objects.map(({ key }) => key)).toContain(`${prefixes[0]}${path}`);
  });
});
