import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetInstanceProfileCommand, IAMClient } from '@aws-sdk/client-iam';
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowKey } from '../../functions/keys.ts';
import type { Project } from '../../functions/projects/schemas.ts';
import { simulateAgents } from '../../local/agent.ts';
import { checkGatewayLink } from '../../local/gateway.ts';
import { connectTestCloud } from '../cloud.ts';
import {
  makeReadyProject,
  makeResearchers,
  openTestTable,
  openWorkspaceWorkflow,
  publishTestImage,
  waitUntil,
} from './harness.ts';

const cloud = connectTestCloud();
const { configuration } = cloud;
const ec2 = new EC2Client(configuration);
const s3 = new S3Client(configuration);

const project = 'desks';
const params = { project };
let network: Extract<Project, { status: 'ready' }>['network'];
let people: Awaited<ReturnType<typeof makeResearchers>>;
let table: Awaited<ReturnType<typeof openTestTable>>;
let machine: Awaited<ReturnType<typeof openWorkspaceWorkflow>>;
let agents: AbortController | undefined;

const person = (name: string) => {
  const researcher = people[name];
  if (!researcher) throw new Error(`nobody is called ${name}`);
  return researcher;
};
const show = (name: string, workspace: string) =>
  person(name).ask('showWorkspace', { params: { ...params, workspace } });
const waitForEnd = (name: string, workspace: string) =>
  waitUntil(
    () => show(name, workspace),
    ({ status }) => status === 'ready' || status === 'failed',
  );
const ask = (name: string, body: Record<string, unknown> = { kind: 'desktop' }) =>
  person(name).ask('askWorkspace', { params, body });
const row = (workspace: string) => table.get(rowKey('workspace', project, workspace));

async function instances(workspace: string, ...states: string[]) {
  const filters = [
    { Name: 'tag:broch:workspace', Values: [workspace] },
    ...(states.length > 0 ? [{ Name: 'instance-state-name', Values: states }] : []),
  ];
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters: filters }));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
}

/** Lets the desktops' agents play, or stops them. */
function play(running: boolean) {
  agents?.abort();
  agents = running ? new AbortController() : undefined;
  const { endpoint, region, credentials } = configuration;
  if (agents) void simulateAgents({ endpoint, region, credentials, signal: agents.signal, everyMs: 100, project });
}

beforeAll(async () => {
  table = await openTestTable(cloud);
  machine = await openWorkspaceWorkflow(cloud);
  const ownProject = await makeReadyProject(cloud, project);
  if (ownProject.status !== 'ready') throw new Error('not ready');
  network = ownProject.network;
  await table.put(rowKey('project', project), ownProject);
  const otherProject = await makeReadyProject(cloud, 'elsewhere');
  await table.put(rowKey('project', 'elsewhere'), otherProject);
  people = await makeResearchers(cloud, project, ['desk-rana', 'desk-ivo', 'desk-lena']);
  await publishTestImage(cloud, 'desktop', 'ami-0a0a0a0a0a0a0a0a0');
  play(true);
});
afterAll(() => play(false));

describe('a researcher', () => {
  let id: string;

  it('requests a desktop and gets one in the network of the project', async () => {
    const requested = await ask('desk-rana', { kind: 'desktop', size: 'medium' });
    id = requested.id;
    expect(requested).toMatchObject({ status: 'requested', project, owner: person('desk-rana').id, attempt: 1 });
    const ready = await waitForEnd('desk-rana', id);
    expect(ready).toMatchObject({ status: 'ready', imageId: 'ami-0a0a0a0a0a0a0a0a0' });
    const [instance, ...extraInstances] = await instances(id);
    expect(extraInstances).toEqual([]);
    expect(network.subnetIds).toContain(instance?.SubnetId);
    expect(instance).toMatchObject({
      InstanceType: 'm6i.2xlarge',
      SecurityGroups: [{ GroupId: network.securityGroupId }],
    });
    const tags = Object.fromEntries((instance?.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
    expect(tags).toMatchObject({
      'broch:project': project,
      'broch:workspace': id,
      'broch:owner': person('desk-rana').id,
    });
  });

  it('gets a link that opens that desktop with the password it reported, and keeps only its hash', async () => {
    const { url } = await person('desk-rana').ask('linkWorkspace', { params: { ...params, workspace: id } });
    const secrets = new SecretsManagerClient(configuration);
    const { SecretString = '' } = await secrets.send(
      new GetSecretValueCommand({ SecretId: cloud.outputs['data.GatewayKey'] }),
    );
    expect(SecretString).toMatch(/^[0-9a-f]{32}$/);
    const data = new URLSearchParams(new URL(url).hash.slice(1)).get('data') ?? '';
    const verdict = checkGatewayLink(data, SecretString, Date.now(), new Map());
    const [instance] = await instances(id);
    expect(verdict).toMatchObject({ ok: true, data: { username: 'desk-rana', singleUse: true } });
    const [connection] = verdict.ok ? Object.values(verdict.data.connections) : [];
    expect(connection?.parameters.hostname).toBe(instance?.PrivateIpAddress);
    expect(JSON.stringify(await row(id))).toMatch(/"sha256":"[0-9a-f]{64}"/);
  });

  it('opens only their own workspace; other members see it without its secrets', async () => {
    await expect(person('desk-ivo').ask('linkWorkspace', { params: { ...params, workspace: id } })).rejects.toThrow(
      /belongs to desk-rana/,
    );
    const view = await person('desk-ivo').call('showWorkspace', { params: { ...params, workspace: id } });
    expect(JSON.stringify(view)).not.toMatch(/password|token|sha256/);
    const image = { name: 'linux-desktop', version: 1, ageDays: expect.any(Number), published: 1 };
    expect(view).toMatchObject({ image });
    const { items } = await person('desk-ivo').ask('listWorkspaces', { params });
    expect(items.find(item => item.id === id)?.image).toEqual(image);
    await expect(person('desk-rana').ask('listWorkspaces', { params: { project: 'elsewhere' } })).rejects.toThrow(
      /no project elsewhere/,
    );
  });

  it('gets a link with the new password after the desktop restarts', async () => {
    const earlier = (await row(id))?.desktop;
    const session = (await s3.send(new ListObjectsV2Command({ Bucket: network.bucket, Prefix: 'agents/' }))).Contents;
    const [instance] = await instances(id);
    const Key = session?.find(({ Key = '' }) => Key.includes(instance?.InstanceId ?? '-'))?.Key;
    await s3.send(new PutObjectCommand({ Bucket: network.bucket, Key, Body: '{"password":"after the restart"}' }));
    const current = await waitUntil(
      () => row(id),
      row => JSON.stringify(row?.desktop) !== JSON.stringify(earlier),
    );
    expect(current?.status).toBe('ready');
  });

  it.each([
    [
      'in another bucket than its project',
      'elsewhere',
      (reportKey: string) => reportKey,
      '{"password":"a stolen place"}',
    ],
    [
      'under a key that is no instance',
      project,
      () => 'agents/AROAAAAAAAAAAAAAAAAAA:rana/ready.json',
      '{"password":"somebody else"}',
    ],
    ['malformed', project, (reportKey: string) => reportKey, '{"password":"short"}'],
    ['too large', project, (reportKey: string) => reportKey, `{"password":"long enough","x":"${'x'.repeat(5000)}"}`],
  ])('a report %s changes nothing', async (_, reporter, place, Body) => {
    const role = await new IAMClient(configuration).send(
      new GetInstanceProfileCommand({ InstanceProfileName: network.instanceProfile }),
    );
    const [instance] = await instances(id);
    const reportKey = `agents/${role.InstanceProfile?.Roles?.[0]?.RoleId}:${instance?.InstanceId}/ready.json`;
    const earlier = await row(id);
    const Bucket = reporter === project ? network.bucket : network.bucket.replace(project, reporter);
    await s3.send(new PutObjectCommand({ Bucket, Key: place(reportKey), Body }));
    await new Promise(resolve => setTimeout(resolve, 1500));
    expect(await row(id)).toEqual(earlier);
  });
});

it('simultaneous requests do not exceed the limit of workspaces', async () => {
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => ask('desk-ivo')));
  const workspaceIds = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value.id] : []));
  expect(workspaceIds.length).toBe(3);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') expect(String(outcome.reason)).toMatch(/which is the limit/);
  for (const id of workspaceIds) expect((await waitForEnd('desk-ivo', id)).status).toBe('ready');
  const { items } = await person('desk-ivo').ask('listWorkspaces', { params });
  expect(items.filter(({ owner }) => owner === person('desk-ivo').id).length).toBe(3);
});

describe('a failed workspace says why, leaves no instance and can be retried', () => {
  /** A workspace of `desk-lena`'s as the API leaves it, without its workflow. */
  async function requestAttempt(id: string) {
    const { id: owner } = person('desk-lena');
    const now = new Date().toISOString();
    const fields = { id, project, owner, ownerName: 'desk-lena', kind: 'desktop', size: 'small', requestedAt: now };
    await table.put(rowKey('workspace', project, id), { status: 'requested', ...fields, attempt: 1, attemptedAt: now });
    await table.put(rowKey('workspace', project, `DESK#${owner}`), { live: [id] });
    return { project, workspace: id, attempt: 1 };
  }
  const withShortTimeout = (definition: string) => definition.replace('"TimeoutSeconds": 1200', '"TimeoutSeconds": 1');
  const breakFunction = (name: string) => (definition: string) => {
    const json = JSON.parse(definition) as { States: Record<string, { Arguments?: { FunctionName: string } }> };
    const state = json.States[name];
    if (!state?.Arguments) throw new Error(`no state ${name}`);
    state.Arguments.FunctionName += '-that-is-not-there';
    return JSON.stringify(json);
  };

  it('a desktop that never reports is removed, and its late report is ignored', async () => {
    play(false);
    const attempt = await requestAttempt('ws-00000000dead');
    expect((await machine.run(attempt, withShortTimeout)).status).toBe('SUCCEEDED');
    const failed = await show('desk-lena', attempt.workspace);
    expect(failed.status === 'failed' && failed.reason).toMatch(/did not report within 20 minutes/);
    expect(await instances(attempt.workspace, 'pending', 'running')).toEqual([]);
    expect(await table.get(rowKey('workspace', project, `DESK#${person('desk-lena').id}`))).toMatchObject({ live: [] });
    const [instance] = await instances(attempt.workspace);
    const Key = `agents/AROAAAAAAAAAAAAAAAAAA:${instance?.InstanceId}/ready.json`;
    await s3.send(new PutObjectCommand({ Bucket: network.bucket, Key, Body: '{"password":"better late"}' }));
    await new Promise(resolve => setTimeout(resolve, 1500));
    expect(await show('desk-lena', attempt.workspace)).toEqual(failed);
    play(true);
  });

  it.each([
    ['Launch', 'ws-0000000000a1'],
    ['AwaitReport', 'ws-0000000000a6'],
    ['RecordReady', 'ws-0000000000a2'],
  ])('a step that is broken fails the execution for the alarm: %s', async (name, id) => {
    const attempt = await requestAttempt(id);
    const { status, error } = await machine.run(attempt, breakFunction(name));
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'Broken' });
    const failed = await show('desk-lena', attempt.workspace);
    expect(failed).toMatchObject({ status: 'failed', reason: expect.stringContaining('broch workspace retry') });
    expect(await instances(attempt.workspace, 'pending', 'running')).toEqual([]);
  });

  it('an instance that cannot be removed fails the execution, and the next attempt removes it first', async () => {
    const attempt = await requestAttempt('ws-0000000000a3');
    play(false);
    const execution = await machine.run(attempt, definition =>
      breakFunction('RemoveInstances')(withShortTimeout(definition)),
    );
    expect([execution.status, execution.error]).toEqual(['FAILED', 'LeftBehind']);
    const [first] = await instances(attempt.workspace, 'running');
    expect(first).toBeDefined();
    play(true);
    await person('desk-lena').ask('retryWorkspace', { params: { ...params, workspace: attempt.workspace } });
    expect(await waitForEnd('desk-lena', attempt.workspace)).toMatchObject({ status: 'ready', attempt: 2 });
    const running = await instances(attempt.workspace, 'running');
    expect(running.length).toBe(1);
    expect(running[0]?.InstanceId).not.toBe(first?.InstanceId);
  });

  it('a failure that cannot be recorded fails the execution', async () => {
    const attempt = await requestAttempt('ws-0000000000a4');
    const unsaid = await machine.run(attempt, definition =>
      breakFunction('RecordFailure')(breakFunction('Launch')(definition)),
    );
    expect([unsaid.status, unsaid.error]).toEqual(['FAILED', 'Unrecorded']);
  });

  it('a replaced attempt changes nothing', async () => {
    const attempt = await requestAttempt('ws-0000000000a5');
    await table.put(rowKey('workspace', project, attempt.workspace), { ...(await row(attempt.workspace)), attempt: 2 });
    const earlier = await row(attempt.workspace);
    expect((await machine.run(attempt, definition => definition)).status).toBe('SUCCEEDED');
    expect(await row(attempt.workspace)).toEqual(earlier);
  });
});
