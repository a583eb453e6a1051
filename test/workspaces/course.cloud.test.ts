import { CloudFormationClient, paginateListStacks } from '@aws-sdk/client-cloudformation';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askForCourse } from '../../bin/cli/launch.ts';
import { rowKey } from '../../functions/keys.ts';
import { memberKey } from '../../functions/membership.ts';
import { simulateAgents } from '../../local/agent.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, watchCalls } from '../faults.ts';
import { areTrialsComplete } from '../trials.ts';
import { makeReadyProject, makeResearchers, openTestTable, publishTestImage, waitUntil } from './harness.ts';

const cloud = connectTestCloud();
const ec2 = new EC2Client(cloud.configuration);
const projects = ['ws-course', 'ws-course-b'] as const;
/** People of a course: a fifth of their launches is throttled, and in the second project every launch fails. */
const sizes = areTrialsComplete ? ([95, 5] as const) : ([10, 1] as const);
const agents = new AbortController();
const leads = new Map<string, Awaited<ReturnType<typeof makeResearchers>>[string]>();
const leadOf = (project: string) => leads.get(project) ?? expect.fail();

beforeAll(async () => {
  const table = await openTestTable(cloud);
  await publishTestImage(cloud, 'desktop', 'ami-0a0a0a0a0a0a0a0a0');
  for (const [index, project] of projects.entries()) {
    await table.put(rowKey('project', project), await makeReadyProject(cloud, project));
    const name = `${project}-lea`;
    const researcher = (await makeResearchers(cloud, project, [name]))[name] ?? expect.fail();
    leads.set(project, researcher);
    const now = new Date().toISOString();
    const lead = { user: researcher.id, name, roles: ['lead', 'researcher'], since: now };
    await table.put(memberKey(project, researcher.id), lead);
    for (let count = 1; count <= (sizes[index] ?? 0); count++) {
      const user = `${project}-person-${count}`;
      await table.put(memberKey(project, user), { user, name: user, roles: ['researcher'], since: now });
    }
    const { endpoint, region, credentials } = cloud.configuration;
    void simulateAgents({ endpoint, region, credentials, signal: agents.signal, everyMs: 200, project });
  }
});
afterAll(() => agents.abort());

const people = (project: string, size: number) =>
  Array.from({ length: size }, (_, index) => `${project}-person-${index + 1}`);
const launch = { function: 'workspaces/launch.lambda.ts', action: 'ec2:RunInstances' } as const;

/** Launches a course and follows every workspace to its end. */
async function launchCourse(project: string, size: number, fault: Fault) {
  const lead = leadOf(project);
  const watch = await watchCalls(cloud, `"${project}"`, [fault]);
  try {
    const request = { project, kind: 'desktop', size: 'small', names: people(project, size) } as const;
    const entries = await askForCourse(lead, request);
    // On a busy machine the API may refuse some of them for a moment. The lead repeats the command, as its help says.
    const repetition = entries.some(({ workspace }) => !workspace) ? await askForCourse(lead, request) : entries;
    const ids = repetition.map(({ name, workspace, reason }) => {
      if (!workspace) throw new Error(`${name} was refused: ${reason}`);
      return workspace;
    });
    // All of them by one call, as the command does. A call for each of a hundred would be throttled, and one may be.
    const items = await waitUntil(
      () =>
        lead.ask('listWorkspaces', { params: { project }, query: { limit: 100 } }).then(
          answer => answer.items,
          () => [],
        ),
      list => list.length > 0 && list.every(({ status }) => status === 'ready' || status === 'failed'),
      200,
    );
    const views = ids.map(id => items.find(item => item.id === id) ?? expect.fail(`${id} is not listed`));
    return { views, unmet: (await watch.calls()).unmet };
  } finally {
    await watch.end();
  }
}

/** The workspaces that have a machine, once for each machine. */
async function listOwners(project: string): Promise<string[]> {
  const { Reservations = [] } = await ec2.send(
    new DescribeInstancesCommand({
      Filters: [
        { Name: 'tag:broch:project', Values: [project] },
        { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
      ],
    }),
  );
  return Reservations.flatMap(({ Instances = [] }) => Instances).map(
    ({ Tags = [] }) => Tags.find(({ Key }) => Key === 'broch:workspace')?.Value ?? '',
  );
}

async function listAwakeStacks(project: string): Promise<string[]> {
  const client = new CloudFormationClient(cloud.configuration);
  const names = new Set<string>();
  for await (const { StackSummaries = [] } of paginateListStacks({ client }, {}))
    for (const { StackName = '' } of StackSummaries)
      if (StackName.startsWith(`broch-local-awake-${project}-`) && /-\d+$/.test(StackName)) names.add(StackName);
  return [...names].filter(name => name.replace(/-\d+$/, '').endsWith(`awake-${project}`));
}

it(`of ${sizes[0] + sizes[1]} launches at once, throttled and failing, each ends running or failed with a reason, and the project wakes once`, async () => {
  const [first, second] = projects;
  const [course, failures] = await Promise.all([
    launchCourse(first, sizes[0], {
      ...launch,
      nth: 1,
      how: 'throttle',
      times: 2,
      invocations: Math.ceil(sizes[0] / 5),
    }),
    launchCourse(second, sizes[1], { ...launch, nth: null, how: 'error', invocations: 10_000 }),
  ]);
  expect(course.unmet).toEqual([]);
  expect(course.views.map(({ status }) => status)).toEqual(Array.from({ length: sizes[0] }, () => 'ready'));
  for (const view of failures.views)
    expect(view).toMatchObject({ status: 'failed', reason: expect.stringContaining('broch workspace retry') });
  // One machine for each workspace that runs, and none for those that failed.
  expect((await listOwners(first)).sort()).toEqual(course.views.map(({ id }) => id).sort());
  expect(await listOwners(second)).toEqual([]);
  expect(await listAwakeStacks(first)).toEqual([`broch-local-awake-${first}-1`]);
});

it('a workspace that is deleted while its machine is launched leaves no machine', async () => {
  const [project] = projects;
  const lead = leadOf(project);
  const watch = await watchCalls(cloud, `"${project}"`, [{ ...launch, nth: 1, how: 'hold' }]);
  try {
    const { id: workspace } = await lead.ask('askWorkspace', { params: { project }, body: { kind: 'desktop' } });
    const place = { params: { project, workspace } };
    const isHeld = ({ calls }: { calls: readonly { how: string | null }[] }) =>
      calls.some(({ how: kind }) => kind === 'hold');
    await waitUntil(() => watch.calls(), isHeld);
    await lead.ask('deleteWorkspace', place);
    await waitUntil(
      () => lead.ask('showWorkspace', place),
      ({ status }) => status === 'deleted',
    );
    await watch.rearm([]);
    await waitUntil(
      () => watch.calls(),
      ({ calls }) => calls.some(({ function: name }) => name === 'workspaces/fail.lambda.ts'),
    );
    expect(await listOwners(project)).not.toContain(workspace);
    expect(await lead.ask('showWorkspace', place)).toMatchObject({ status: 'deleted' });
  } finally {
    await watch.end();
  }
});
