import {
  CreateTagsCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeVpcEndpointsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { GetParameterCommand, GetParameterHistoryCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ImageName, imageKey, imageParameter } from '../../functions/images/schemas.ts';
import { rowKey } from '../../functions/keys.ts';
import { APPROVED_TAG } from '../../functions/names.ts';
import { digestRecipe } from '../../lib/recipes.ts';
import { type PlayedImage, playBuilder } from '../../local/builder.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, groupCallsByFunction, watchCalls } from '../faults.ts';
import { signInProjectPerson } from '../projects/harness.ts';
import { selectTrials } from '../trials.ts';
import { invokeByFile, openTestTable, waitUntil } from '../workspaces/harness.ts';
import { requestGpuQueue } from './gpu-queue.ts';
import { buildOf, follow, publishWidely, withApproved } from './lifecycle.ts';
import { connectSharing } from './share-run.ts';

const cloud = connectTestCloud();
const ec2 = new EC2Client(cloud.configuration);
const ssm = new SSMClient(cloud.configuration);
const playing = new AbortController();
const image = 'linux-notebook' satisfies ImageName;
/** No other file of tests uses it. */
const unusedImage = 'batch-gpu' satisfies ImageName;
let play: PlayedImage = {};
let olga: Awaited<ReturnType<typeof signInProjectPerson>>;
let stella: typeof olga;

beforeAll(async () => {
  [olga, stella] = await Promise.all([
    signInProjectPerson('img-olga', 'operator'),
    signInProjectPerson('img-stella', 'steward'),
  ]);
  await (await openTestTable(cloud)).put(rowKey('project', 'img-canary'), { id: 'img-canary' });
  void playBuilder(cloud, {
    plays: run => (run.image === image || run.image === unusedImage ? play : undefined),
    signal: playing.signal,
    log: line => console.log(line),
  });
});
afterAll(() => {
  playing.abort();
  vi.unstubAllEnvs();
});

const show = (version: number, name: ImageName = image) =>
  olga.ask('showFindings', { params: { image: name, version } });
/** Builds a version and waits until its run has ended. */
async function build(outcome: PlayedImage = {}, name: ImageName = image) {
  play = outcome;
  const { version } = await olga.ask('buildImage', { params: { image: name } });
  return waitUntil(
    () => show(version, name),
    ({ status }) => !['building', 'testing', 'scanning'].includes(status),
  );
}
const params = (version: number) => ({ image, version });
const approve = (version: number, digest: string, person = stella) =>
  person.ask('approveImage', { params: params(version), body: { digest } });
const aliasOf = (name: ImageName = image) =>
  ssm.send(new GetParameterCommand({ Name: imageParameter(name) })).then(
    ({ Parameter }) => Parameter?.Value,
    () => undefined,
  );
const waitForAlias = (ami: string) =>
  waitUntil(
    () => aliasOf(),
    value => value === ami,
  );
const readAmi = async (ami: string) => (await ec2.send(new DescribeImagesCommand({ ImageIds: [ami] }))).Images?.[0];
const isTagged = async (ami: string) => (await readAmi(ami))?.Tags?.some(({ Key }) => Key === APPROVED_TAG) ?? false;

type Version = Awaited<ReturnType<typeof show>>;
const amiOf = (version: Version) => ('build' in version ? (version.build?.ami ?? '') : '');
const digestOf = (version: Version) => ('digest' in version ? version.digest : '');

describe('a build', () => {
  it('is refused to everybody but operators', async () => {
    await expect(stella.ask('buildImage', { params: { image } })).rejects.toThrow(/Only operator/);
  });

  it.each([
    [{ buildFailure: 'a mirror is not there' }, 'failed', /FAILED/],
    [{ smokeTestFailure: 'desktop: xrdp does not listen' }, 'failed', /xrdp does not listen/],
    [{ findings: ['CVE-2021-36159'] }, 'rejected', /CVE-2021-36159 in apk-tools 2.10.6 is critical/],
    [{ malware: 'threat EICAR-Test-File' }, 'rejected', /malware:EICAR-Test-File in malware is critical/],
  ] as const)('%j ends as %s, and nothing is published', async (outcome, status, reason) => {
    const version = await build(outcome);
    expect(version).toMatchObject({ status, reason: expect.stringMatching(reason) });
    expect(await aliasOf()).toBeUndefined();
    if (amiOf(version)) expect(await isTagged(amiOf(version))).toBe(false);
  });

  it('leaves no machine and no endpoint behind', async () => {
    const { Reservations = [] } = await ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'tag-key', Values: ['broch:candidate'] }] }),
    );
    const states = Reservations.flatMap(({ Instances = [] }) => Instances.map(({ State }) => State?.Name));
    expect(states.length).toBeGreaterThanOrEqual(2);
    expect(new Set(states)).toEqual(new Set(['terminated']));
    const { VpcEndpoints = [] } = await ec2.send(new DescribeVpcEndpointsCommand({}));
    const endpoints = VpcEndpoints.filter(({ ServiceName = '' }) => /\.ssm/.test(ServiceName));
    expect(endpoints).toEqual([]);
  });
});

describe('a version that passes', () => {
  let first: Version;
  let second: Version;

  it('is approved by somebody else, for what they saw', async () => {
    first = await build({ findings: ['CVE-2023-0464'] });
    expect(first).toMatchObject({ status: 'awaitingApproval', scan: { counts: { high: 1, critical: 0 } } });
    await expect(approve(first.version, digestOf(first), olga)).rejects.toThrow(/You started the build/);
    await expect(approve(first.version, '0'.repeat(64))).rejects.toThrow(/digest is not that/);
    expect(await isTagged(amiOf(first))).toBe(false);
    await approve(first.version, digestOf(first));
    await waitUntil(() => isTagged(amiOf(first)), Boolean);
  });

  it('that GuardDuty did not scan is approved only with a reason', async () => {
    const unscanned = await build({ malware: 'off' });
    expect(unscanned).toMatchObject({ status: 'awaitingApproval', scan: { findings: [{ id: 'malware.unscanned' }] } });
    await expect(approve(unscanned.version, digestOf(unscanned))).rejects.toThrow(/GuardDuty is not enabled.*--reason/);
    await olga.ask('rejectImage', { params: params(unscanned.version), body: { reason: 'Not scanned for malware.' } });
  });

  it('is published to a project first, then to everyone, who find it in the parameter', async () => {
    await expect(olga.ask('publishImage', { params: params(first.version), body: {} })).rejects.toThrow(/one project/);
    await expect(
      olga.ask('publishImage', { params: params(first.version), body: { project: 'nowhere' } }),
    ).rejects.toThrow(/no project nowhere/);
    await publish(first.version);
    await waitForAlias(amiOf(first));
    const { Parameters = [] } = await ssm.send(new GetParameterHistoryCommand({ Name: imageParameter(image) }));
    expect(Parameters).toMatchObject([{ DataType: 'aws:ec2:image', Version: 1 }]);
  });

  it('is shared with the accounts of the configuration once it is for everyone, and again without effect', async () => {
    const { share, account, accountsOf, shareDespiteFaults } = await connectSharing(cloud);
    expect(await accountsOf(amiOf(first))).toEqual([]);
    for (const _ of ['first', 'second']) await share();
    expect(await accountsOf(amiOf(first))).toEqual([account]);
    for (const { call, failure, accounts } of await shareDespiteFaults(image, amiOf(first)))
      expect([call, failure, accounts]).toEqual([call, expect.stringContaining(image), [account]]);
  });

  it('is replaced by the next one, and restored by a rollback', async () => {
    second = await build();
    await approve(second.version, digestOf(second));
    await publish(second.version);
    await waitForAlias(amiOf(second));
    await olga.ask('rollBackImage', { params: { image }, body: { reason: 'The browser does not start.' } });
    await waitForAlias(amiOf(first));
    await publish(second.version);
    await waitForAlias(amiOf(second));
    const { items } = await stella.ask('listImages');
    expect(items.find(item => item.image === image)).toMatchObject({
      current: { version: second.version, ami: amiOf(second), ageDays: 0 },
      pending: [],
    });
  });

  it('is voided when it is tested again and something is found', async () => {
    const third = await build();
    await approve(third.version, digestOf(third));
    await waitUntil(() => isTagged(amiOf(third)), Boolean);
    await olga.ask('retestImage', { params: params(third.version) });
    await waitUntil(
      () => show(third.version),
      ({ status }) => status === 'approved',
    );
    await waitUntil(() => isTagged(amiOf(third)), Boolean);
    const finding = { Key: 'played:findings', Value: 'CVE-2023-0464' };
    await ec2.send(new CreateTagsCommand({ Resources: [amiOf(third)], Tags: [finding] }));
    await olga.ask('retestImage', { params: params(third.version) });
    await waitUntil(
      () => show(third.version),
      ({ status }) => status === 'awaitingApproval',
    );
    await waitUntil(
      () => isTagged(amiOf(third)),
      hasTag => !hasTag,
    );
    await expect(approve(third.version, digestOf(third))).rejects.toThrow(/digest is not that/);
  });

  it('is deprecated and retired when nothing refers to it', async () => {
    const former = params(first.version);
    await expect(olga.ask('retireImage', { params: former })).rejects.toThrow(/is published/);
    await olga.ask('deprecateImage', { params: former });
    await waitUntil(
      () => readAmi(amiOf(first)),
      ami => ami?.DeprecationTime !== undefined,
    );
    await waitUntil(
      () => isTagged(amiOf(first)),
      hasTag => !hasTag,
    );
    const { share, accountsOf, shareDespiteFaults } = await connectSharing(cloud);
    await share();
    expect(await accountsOf(amiOf(first))).toEqual([]);
    for (const { call, failure, accounts } of await shareDespiteFaults(image, amiOf(first)))
      expect([call, failure, accounts]).toEqual([call, expect.stringContaining(image), []]);
    await olga.ask('retireImage', { params: former });
    await waitUntil(
      () => readAmi(amiOf(first)),
      ami => ami === undefined,
    );
    expect(await aliasOf()).toBe(amiOf(second));
  });
});

it('machines of batch jobs with GPUs start from the published version, and none opens without one', async () => {
  const queue = await requestGpuQueue(cloud, 'img-queue');
  expect(await queue.open()).toMatchObject({
    status: 'failed',
    failure: expect.stringMatching(/No version of the image batch-gpu is published.*broch image build batch-gpu/),
  });
  const version = await build({}, unusedImage);
  const place = { image: unusedImage, version: version.version };
  await stella.ask('approveImage', { params: place, body: { digest: digestOf(version) } });
  await olga.ask('publishImage', { params: place, body: { project: 'img-queue' } });
  expect(await queue.open()).toMatchObject({ status: 'open', place: { image: amiOf(version) } });
  expect(await queue.readImages()).toEqual([amiOf(version), amiOf(version)]);
});

describe('the daily function', () => {
  const file = 'functions/images/upkeep.lambda.ts';
  const table = openTestTable(cloud);
  /** Leaves one version published, an old one, and lets two days pass. Resolves with the builds that the platform started. */
  async function passDays(number: number) {
    const { versions, ...row } = follow(withApproved(1), publishWidely(1));
    const build = { ...buildOf(1), builtAt: new Date(Date.now() - 100 * 86_400_000).toISOString() };
    const published = versions.map(version => ({
      ...version,
      version: number,
      recipe: digestRecipe(unusedImage),
      build,
    }));
    await (await table).put(imageKey(unusedImage), { ...row, image: unusedImage, versions: published });
    play = {};
    for (const _ of ['one day', 'the next']) await invokeByFile(cloud, file, { image: unusedImage });
    await waitUntil(
      () => show(number + 1, unusedImage),
      ({ status }) => status === 'awaitingApproval',
    );
    const view = await olga.ask('showImage', { params: { image: unusedImage } });
    return view.versions.filter(({ startedBy }) => startedBy.name === 'broch').map(({ version }) => version);
  }

  it('builds an old image again, once, whichever of its AWS calls fails on one day', async () => {
    const watch = await watchCalls(cloud, unusedImage);
    try {
      expect(await passDays(1)).toEqual([2]);
      const name = file.replace('functions/', '');
      const list = groupCallsByFunction((await watch.calls()).calls).get(name) ?? [];
      const faults = list
        .filter(({ action }) => action !== 'lambda:Invoke')
        .map(({ action, nth }): Fault => ({ function: name, action, nth, how: 'error' }));
      // A sample fails one call that reads, and each that changes something.
      const kindOf = ({ action = '' }: Fault) => (/Write|Start/.test(action) ? action : 'reads');
      const trials = selectTrials('images, a call of the daily function fails', faults, fault => [kindOf(fault)]);
      expect(trials.length).toBeGreaterThanOrEqual(3);
      for (const [index, fault] of trials.entries()) {
        await watch.rearm([fault]);
        const number = 10 * (index + 1);
        expect([fault.action, await passDays(number)]).toEqual([fault.action, [number + 1]]);
      }
      const { items } = await olga.ask('listImages');
      const last = 10 * trials.length;
      expect(items.find(item => item.image === unusedImage)).toMatchObject({
        pending: [last + 1],
        current: { version: last, ageDays: 100 },
      });
    } finally {
      await watch.end();
    }
  });

  it('leaves alone what is young and made of what there is', async () => {
    await invokeByFile(cloud, file, { image });
    const { items } = await olga.ask('listImages');
    expect(items.find(item => item.image === image)?.check).toEqual({ at: expect.any(String), causes: [] });
    const { versions } = await olga.ask('showImage', { params: { image } });
    expect(versions.map(({ startedBy }) => startedBy.name)).not.toContain('broch');
  });
});

/** To one project, then to everyone. The project is only a name in the table. */
async function publish(version: number) {
  await olga.ask('publishImage', { params: params(version), body: { project: 'img-canary' } });
  await olga.ask('publishImage', { params: params(version), body: {} });
}
