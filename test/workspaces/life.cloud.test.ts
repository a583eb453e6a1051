import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import {
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  DescribeVpcEndpointsCommand,
  EC2Client,
  StartInstancesCommand,
} from '@aws-sdk/client-ec2';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectTierKey } from '../../functions/images/schemas.ts';
import { rowKey } from '../../functions/keys.ts';
import { memberKey } from '../../functions/membership.ts';
import type { ProjectNetwork } from '../../functions/projects/schemas.ts';
import { simulateAgents } from '../../local/agent.ts';
import { checkGatewayLink } from '../../local/gateway.ts';
import { connectTestCloud } from '../cloud.ts';
import {
  invokeByFile,
  makeReadyProject,
  makeResearchers,
  openTestTable,
  publishTestImage,
  waitUntil,
} from './harness.ts';
import { readEverythingStored } from './stored.ts';

const cloud = connectTestCloud();
const { configuration } = cloud;
const ec2 = new EC2Client(configuration);
const s3 = new S3Client(configuration);
const project = 'lives';
let table: Awaited<ReturnType<typeof openTestTable>>;
let network: ProjectNetwork;
const agents = new AbortController();
let people: Awaited<ReturnType<typeof makeResearchers>>;
let id = '';

const rana = () => people['life-rana'] ?? expect.fail();
const place = () => ({ params: { project, workspace: id } });
const show = () => rana().ask('showWorkspace', place());
const waitFor = (...statuses: string[]) => waitUntil(show, ({ status }) => [...statuses, 'failed'].includes(status));
async function machines() {
  const { Reservations = [] } = await ec2.send(
    new DescribeInstancesCommand({ Filters: [{ Name: 'tag:broch:workspace', Values: [id] }] }),
  );
  return Reservations.flatMap(({ Instances = [] }) => Instances).map(
    ({ InstanceId, InstanceType, State, BlockDeviceMappings = [] }) => ({
      id: InstanceId,
      type: InstanceType,
      state: State?.Name,
      disks: BlockDeviceMappings.map(({ DeviceName }) => DeviceName),
    }),
  );
}
const homes = async () =>
  (
    await ec2.send(
      new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [{ Name: 'tag:broch:workspace', Values: [id] }] }),
    )
  ).Snapshots ?? [];

const disks = async () =>
  (
    await ec2.send(new DescribeVolumesCommand({ Filters: [{ Name: 'tag:broch:workspace', Values: [id] }] }))
  ).Volumes?.filter(({ Attachments = [] }) => Attachments.every(({ Device }) => Device === '/dev/sdf')) ?? [];
const homeDisk = async () => (await disks()).find(({ State }) => State === 'in-use');

beforeAll(async () => {
  table = await openTestTable(cloud);
  const ownProject = await makeReadyProject(cloud, project);
  if (ownProject.status !== 'ready') throw new Error('not ready');
  network = ownProject.network;
  await table.put(rowKey('project', project), ownProject);
  await table.put(rowKey('projects', '', `${ownProject.requestedAt}#${project}`), ownProject);
  await table.put(projectTierKey(project), { project, tier: 2 });
  people = await makeResearchers(cloud, project, ['life-rana', 'life-ivo']);
  await publishTestImage(cloud, 'desktop', 'ami-0a0a0a0a0a0a0a0a0');
  const { endpoint, region, credentials } = configuration;
  void simulateAgents({ endpoint, region, credentials, signal: agents.signal, everyMs: 100, project });
});
afterAll(() => agents.abort());

/** What the hypervisor measures. Only AWS itself may write it there. */
const measureProcessors = (instance: string, Value: number) =>
  new CloudWatchClient(configuration).send(
    new PutMetricDataCommand({
      Namespace: 'AWS/EC2',
      MetricData: [
        {
          MetricName: 'CPUUtilization',
          Dimensions: [{ Name: 'InstanceId', Value: instance }],
          Timestamp: new Date(Date.now() - 600_000),
          Value,
        },
      ],
    }),
  );

describe('the life of a workspace', () => {
  it('starts with a home on a disk of its own', async () => {
    ({ id } = await rana().ask('askWorkspace', { params: { project }, body: { kind: 'desktop' } }));
    expect(await waitFor('ready')).toMatchObject({ status: 'ready', size: 'small' });
    expect(await machines()).toMatchObject([{ state: 'running', disks: ['/dev/xvda', '/dev/sdf'] }]);
  });

  it('has a way to the mirror of packages, because its project has a tier', async () => {
    const Filters = [{ Name: 'vpc-id', Values: [network.vpcId] }];
    const { VpcEndpoints = [] } = await ec2.send(new DescribeVpcEndpointsCommand({ Filters }));
    const services = VpcEndpoints.filter(({ VpcEndpointType }) => VpcEndpointType === 'Interface').map(
      ({ ServiceName = '' }) => ServiceName.split('.').slice(-2).join('.'),
    );
    expect(services.sort()).toEqual(['codeartifact.api', 'codeartifact.repositories']);
  });

  it('is opened by a link that nothing keeps, good for the key of before too while the key changes', async () => {
    const secrets = new SecretsManagerClient(configuration);
    const readKey = async () =>
      (await secrets.send(new GetSecretValueCommand({ SecretId: cloud.outputs['data.GatewayKey'] }))).SecretString ??
      '';
    const oldKey = await readKey();
    await invokeByFile(cloud, 'functions/workspaces/rotate.lambda.ts');
    const newKey = await readKey();
    expect(newKey).toMatch(/^[0-9a-f]{32}$/);
    expect(newKey).not.toBe(oldKey);
    const { url } = await rana().ask('linkWorkspace', place());
    const links = new URLSearchParams(new URL(url).hash.slice(1)).getAll('data');
    const verdicts = links.map((data, number) =>
      checkGatewayLink(data, [newKey, oldKey][number] ?? '', Date.now(), new Map()),
    );
    expect(verdicts.map(({ ok: isAccepted }) => isAccepted)).toEqual([true, true]);
    const [verdict] = verdicts;
    const [connection] = verdict?.ok ? Object.values(verdict.data.connections) : [];
    const texts = await readEverythingStored(configuration, id);
    // Each of them would tell: the workspace is in the tables and the workflows, and the functions log.
    expect([texts.tables.includes(id), texts.executions.includes(id), texts.logs.length > 0]).toEqual([
      true,
      true,
      true,
    ]);
    for (const secret of [...links, connection?.parameters.password ?? '', oldKey, newKey])
      expect(Object.entries(texts).filter(([, text]) => secret !== '' && text.includes(secret))).toEqual([]);
  });

  it('stops, and whoever asks for a desktop again gets this one back on the same machine', async () => {
    const [first] = await machines();
    await rana().ask('stopWorkspace', { ...place(), body: {} });
    expect(await waitFor('stopped')).toMatchObject({ status: 'stopped' });
    expect(await machines()).toMatchObject([{ id: first?.id, state: 'stopped' }]);
    await expect(rana().ask('linkWorkspace', place())).rejects.toThrow(/is stopped/);
    const workspace = await rana().ask('askWorkspace', { params: { project }, body: { kind: 'desktop' } });
    expect(workspace.id).toBe(id);
    expect(await waitFor('ready')).toMatchObject({ status: 'ready' });
    expect(await machines()).toMatchObject([{ id: first?.id, state: 'running' }]);
  });

  it('is resized and starts again with its disks', async () => {
    const [first] = await machines();
    await rana().ask('resizeWorkspace', { ...place(), body: { size: 'large' } });
    expect(await waitUntil(show, ({ status, attempt }) => status === 'ready' && attempt > 4)).toMatchObject({
      size: 'large',
    });
    expect(await machines()).toMatchObject([{ id: first?.id, type: 'r6i.4xlarge', state: 'running' }]);
  });

  it('is stopped when nobody has used it for two hours, and not before', async () => {
    const key = rowKey('workspace', project, id);
    const row = (await table.get(key)) ?? expect.fail();
    const reportOf = async (idleMinutes: number, age = 0) => {
      const report = { at: new Date(Date.now() - age).toISOString(), sessions: 1, idleMinutes, load: 0 };
      const Key = `agents/${network.instanceRole}:${row.instanceId}/activity.json`;
      await s3.send(new PutObjectCommand({ Bucket: network.bucket, Key, Body: JSON.stringify(report) }));
    };
    const early = new Date(Date.now() - 4 * 3_600_000).toISOString();
    await table.put(key, { ...row, readyAt: early });
    await reportOf(110);
    await invokeByFile(cloud, 'functions/workspaces/sweep.lambda.ts');
    expect(await show()).toMatchObject({ status: 'ready', usedAt: expect.any(String) });
    // The agent ended an hour ago, and nobody has measured the processors: the machine counts as used.
    await table.put(key, { ...(await table.get(key)), usedAt: early });
    await reportOf(121, 3_600_000);
    await invokeByFile(cloud, 'functions/workspaces/sweep.lambda.ts');
    expect(Date.parse(String((await table.get(key))?.usedAt))).toBeGreaterThan(Date.parse(early));
    await table.put(key, { ...(await table.get(key)), usedAt: early });
    await measureProcessors(String(row.instanceId), 1);
    await invokeByFile(cloud, 'functions/workspaces/sweep.lambda.ts');
    expect(await waitFor('stopped')).toMatchObject({ reason: 'Nobody used it for 120 minutes.' });
  });

  it('whose machine somebody started in the console is stopped again, and comes back when its owner starts it', async () => {
    const [machine] = await machines();
    await ec2.send(new StartInstancesCommand({ InstanceIds: [machine?.id ?? ''] }));
    await invokeByFile(cloud, 'functions/workspaces/sweep.lambda.ts');
    expect(await machines()).toMatchObject([{ state: 'stopped' }]);
    await rana().ask('startWorkspace', place());
    await waitFor('ready');
  });

  it('keeps snapshots of its home, and gets its home restored from one of them', async () => {
    const snapshot = await rana().ask('snapshotWorkspace', place());
    expect(snapshot).toMatchObject({ madeBy: 'owner', complete: true });
    const oldDisk = await homeDisk();
    const attempt = (await show()).attempt;
    await rana().ask('restoreWorkspace', { ...place(), body: { snapshot: snapshot.id } });
    expect(await waitUntil(show, row => row.attempt > attempt + 1 && row.status === 'ready')).toMatchObject({
      status: 'ready',
    });
    const newDisk = await homeDisk();
    expect(newDisk).toMatchObject({ SnapshotId: snapshot.id, Attachments: [{ DeleteOnTermination: true }] });
    expect(newDisk?.VolumeId).not.toBe(oldDisk?.VolumeId);
    expect(await disks()).toHaveLength(1);
    await expect(
      rana().ask('restoreWorkspace', { ...place(), body: { snapshot: 'snap-00112233445566778' } }),
    ).rejects.toThrow(/has no snapshot/);
  });

  it('has a home that AWS Backup finds by its tags, and no other disk with these tags', async () => {
    await invokeByFile(cloud, 'functions/workspaces/sweep.lambda.ts');
    const Filters = [{ Name: 'tag:broch:backup', Values: ['home'] }];
    const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({ Filters }));
    const homes = Volumes.filter(({ Tags = [] }) => Tags.some(({ Value }) => Value === id));
    expect(homes.map(({ VolumeId }) => VolumeId)).toEqual([(await homeDisk())?.VolumeId]);
    expect(homes[0]?.Tags).toContainEqual({ Key: 'broch:project', Value: project });
  });

  it('keeps the last three snapshots that its owner made', async () => {
    for (let count = 0; count < 3; count++) await rana().ask('snapshotWorkspace', place());
    const { items } = await rana().ask('listSnapshots', place());
    expect(items.filter(({ madeBy }) => madeBy === 'owner')).toHaveLength(3);
  });

  it('shows its snapshots to its owner and to a lead, and tells another member nothing about them', async () => {
    const ivo = people['life-ivo'] ?? expect.fail();
    const { items } = await rana().ask('listSnapshots', place());
    await expect(ivo.ask('listSnapshots', place())).rejects.toThrow(/Only the owner, a lead/);
    for (const snapshot of [items[0]?.id ?? '', 'snap-00112233445566778'])
      await expect(ivo.ask('restoreWorkspace', { ...place(), body: { snapshot } })).rejects.toThrow(/Only the owner/);
    const membership = (await table.get(memberKey(project, ivo.id))) ?? expect.fail();
    await table.put(memberKey(project, ivo.id), { ...membership, roles: ['lead'] });
    expect(await ivo.ask('listSnapshots', place())).toEqual({ items });
  });

  it('is archived: only the snapshot of its home stays, and a new machine gets that home', async () => {
    await rana().ask('archiveWorkspace', place());
    const archived = await waitFor('archived');
    const [home, ...otherHomes] = (await homes()).filter(({ Description = '' }) => !/kept by/.test(Description));
    expect(otherHomes).toEqual([]);
    expect(archived).toMatchObject({ status: 'archived', home: home?.SnapshotId });
    expect((await machines()).map(({ state }) => state)).toEqual(['terminated']);
    await rana().ask('startWorkspace', place());
    expect(await waitFor('ready')).toMatchObject({ status: 'ready' });
    expect((await machines()).filter(({ state }) => state === 'running')).toMatchObject([
      { disks: ['/dev/xvda', '/dev/sdf'] },
    ]);
  });

  it('is deleted with its home, by a lead only after its owner has left the project', async () => {
    const ivo = people['life-ivo'] ?? expect.fail();
    await expect(ivo.ask('deleteWorkspace', place())).rejects.toThrow(/A lead can delete it once .* has left/);
    const membership = (await table.get(memberKey(project, rana().id))) ?? expect.fail();
    await table.put(memberKey(project, rana().id), { ...membership, roles: [] });
    await ivo.ask('deleteWorkspace', place());
    expect(
      await waitUntil(
        () => ivo.ask('showWorkspace', place()),
        ({ status }) => ['deleted', 'failed'].includes(status),
      ),
    ).toMatchObject({ status: 'deleted', reason: expect.stringMatching(/a lead, asked for it, because .* has left/) });
    expect(await homes()).toEqual([]);
    expect((await machines()).filter(({ state }) => state !== 'terminated')).toEqual([]);
  });
});
