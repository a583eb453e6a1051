import { DeleteTagsCommand, DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowKey } from '../../functions/keys.ts';
import { APPROVED_TAG } from '../../functions/names.ts';
import { simulateAgents } from '../../local/agent.ts';
import { connectTestCloud } from '../cloud.ts';
import {
  invokeByFile,
  makeReadyProject,
  makeResearchers,
  openTestTable,
  publishTestImage,
  waitUntil,
} from './harness.ts';

// The only file that publishes the image of Windows: the others find none.
const cloud = connectTestCloud();
const { configuration } = cloud;
const ec2 = new EC2Client(configuration);
const project = 'panes';
const agents = new AbortController();
let people: Awaited<ReturnType<typeof makeResearchers>>;
let id = '';

const noor = () => people['pane-noor'] ?? expect.fail();
const place = () => ({ params: { project, workspace: id } });
const show = () => noor().ask('showWorkspace', place());
const waitFor = (...statuses: string[]) => waitUntil(show, ({ status }) => [...statuses, 'failed'].includes(status));
const ask = async (kind: 'windows' | 'desktop') => {
  ({ id } = await noor().ask('askWorkspace', { params: { project }, body: { kind } }));
};
async function machines() {
  const { Reservations = [] } = await ec2.send(
    new DescribeInstancesCommand({ Filters: [{ Name: 'tag:broch:workspace', Values: [id] }] }),
  );
  return Reservations.flatMap(({ Instances = [] }) => Instances).map(({ InstanceId, State }) => ({
    id: InstanceId,
    state: State?.Name,
  }));
}

beforeAll(async () => {
  const table = await openTestTable(cloud);
  const ownProject = await makeReadyProject(cloud, project);
  await table.put(rowKey('project', project), ownProject);
  await table.put(rowKey('projects', '', `${ownProject.requestedAt}#${project}`), ownProject);
  people = await makeResearchers(cloud, project, ['pane-noor', 'pane-rana']);
  await publishTestImage(cloud, 'desktop', 'ami-0a0a0a0a0a0a0a0a0');
  const { endpoint, region, credentials } = configuration;
  void simulateAgents({ endpoint, region, credentials, signal: agents.signal, everyMs: 100, project });
});
afterAll(async () => {
  agents.abort();
  await publishTestImage(cloud, 'windows');
});

describe('a Windows workspace', () => {
  it('fails without an image, says why, and can be retried', async () => {
    await ask('windows');
    const failed = await waitFor('ready');
    expect(failed).toMatchObject({ status: 'failed', attempt: 1 });
    expect(failed.status === 'failed' && failed.reason).toContain(
      'No version of the image windows-desktop is published',
    );
    await publishTestImage(cloud, 'windows', 'ami-0b0b0b0b0b0b0b0b0');
    await expect(people['pane-rana']?.ask('retryWorkspace', place())).rejects.toThrow(/only the owner/i);
    expect(await noor().ask('retryWorkspace', place())).toMatchObject({ status: 'requested', attempt: 2 });
    expect(await waitUntil(show, ({ status }) => status === 'ready')).toMatchObject({ attempt: 2 });
  });

  it('hibernates and keeps its programs on the same machine, until its owner ends them', async () => {
    const [first] = await machines();
    expect(await show()).toMatchObject({ hibernation: 'possible' });
    await noor().ask('stopWorkspace', { ...place(), body: { hibernate: true } });
    expect(await waitFor('hibernated')).toMatchObject({ status: 'hibernated' });
    await expect(noor().ask('resizeWorkspace', { ...place(), body: { size: 'medium' } })).rejects.toThrow(/--cold/);
    await expect(noor().ask('snapshotWorkspace', place())).rejects.toThrow(/its programs wait in memory/);
    await invokeByFile(cloud, 'functions/workspaces/sweep.lambda.ts');
    expect(await show()).toMatchObject({ status: 'hibernated' });
    await noor().ask('startWorkspace', place());
    expect(await waitFor('ready')).toMatchObject({ status: 'ready', instanceId: first?.id, hibernation: 'possible' });
    await noor().ask('stopWorkspace', { ...place(), body: { hibernate: true } });
    await waitFor('hibernated');
    await noor().ask('stopWorkspace', { ...place(), body: { cold: true } });
    expect(await waitFor('stopped')).toMatchObject({ status: 'stopped' });
    expect(await machines()).toEqual([{ id: first?.id, state: 'stopped' }]);
  });

  it('hibernates no more with too much memory, and hibernation of a Linux one is refused', async () => {
    await noor().ask('resizeWorkspace', { ...place(), body: { size: 'medium' } });
    await waitUntil(show, ({ status, size }) => status === 'stopped' && size === 'medium');
    await noor().ask('startWorkspace', place());
    expect(await waitFor('ready')).toMatchObject({ status: 'ready', hibernation: 'large' });
    const hibernate = () => noor().ask('stopWorkspace', { ...place(), body: { hibernate: true } });
    await expect(hibernate()).rejects.toThrow(/more memory than AWS saves/);
    await ask('desktop');
    await waitFor('ready');
    await expect(hibernate()).rejects.toThrow(/AWS cannot hibernate the image of desktop workspaces/);
    await noor().ask('deleteWorkspace', place());
  });

  it('fails if the image lost its approval in EC2: the role of the launch may start no other', async () => {
    await publishTestImage(cloud, 'windows', 'ami-0d0d0d0d0d0d0d0d0');
    await ec2.send(new DeleteTagsCommand({ Resources: ['ami-0d0d0d0d0d0d0d0d0'], Tags: [{ Key: APPROVED_TAG }] }));
    const body = { kind: 'windows', another: true } as const;
    ({ id } = await noor().ask('askWorkspace', { params: { project }, body }));
    const failed = await waitFor('ready');
    expect(failed.status === 'failed' && failed.reason).toContain('its approval is gone');
    expect(await machines()).toEqual([]);
  });
});
