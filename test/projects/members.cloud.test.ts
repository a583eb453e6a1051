import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RouteName, routes } from '../../functions/api/routes.ts';
import type { Route } from '../../functions/http/route.ts';
import { castMember } from '../airlock/cast.ts';
import {
  changeUserGroup,
  disableUser,
  enrolTestUser,
  makeAirlockProject,
  putSourceFiles,
  type TestUser,
} from '../airlock/harness.ts';
import { signInNewUser, toExamplePath } from '../api/caller.ts';
import { connectTestCloud } from '../cloud.ts';
import { publishTestImage, waitUntil } from '../workspaces/harness.ts';

const cloud = connectTestCloud();
const ec2 = new EC2Client(cloud.configuration);
const project = 'pr-members';
const inProject = { params: { project } };
const olga = castMember('olga');
let [rana, nadia]: TestUser[] = [];
const ids = {
  workspace: '',
  request: '',
  use: 'du-0011223344556677',
  run: 'er-0011223344556677',
  job: 'job-0011223344556677',
  kind: 'cpu',
  pipeline: 'counts',
};

const add = (
  person: TestUser | undefined,
  body: Record<string, unknown> = { roles: ['researcher'], reason: 'works on admissions' },
) => olga.ask('addMember', { params: { project, name: person?.name ?? '' }, body });
const remove = (name = '', reason = 'left the university') =>
  olga.ask('removeMember', { params: { project, name }, body: { reason } });

/** Every route of a project that researchers may call. */
const memberRoutes = Object.entries<Route>(routes).flatMap(([name, { path, callers }]) =>
  path.startsWith('/projects/{project}') && callers !== 'anyone' && callers.some(({ group }) => group === 'researcher')
    ? [name as RouteName]
    : [],
);

beforeAll(async () => {
  [rana, nadia] = await Promise.all([
    enrolTestUser(cloud, 'pr-members-rana', 'researcher'),
    enrolTestUser(cloud, 'pr-members-nadia', 'researcher'),
  ]);
  const bucket = await makeAirlockProject(cloud, project, []);
  await putSourceFiles(cloud, bucket, 'data/outbox/t/', { 't.csv': 'n\n3000\n' });
  await publishTestImage(cloud, 'desktop', 'ami-0a0a0a0a0a0a0a0a0');
  await add(rana);
  await add(nadia, { roles: ['lead'] });
  const { id: workspace } = (await rana?.ask('askWorkspace', { ...inProject, body: { kind: 'desktop' } })) ?? {
    id: '',
  };
  const groups = [{ name: 'all', kind: 'table', purpose: 'paper', paths: ['**'] }];
  const draft = { title: 'T', source: 'data/outbox/t/', groups };
  const { id: request } = (await rana?.ask('draftRequest', { ...inProject, body: draft })) ?? { id: '' };
  Object.assign(ids, { workspace, request });
});

describe('a member', () => {
  it('is listed with the date, the author and the reason of the addition', async () => {
    const { items } = await olga.ask('listMembers', inProject);
    expect(items.find(({ user }) => user === rana?.id)).toEqual({
      user: rana?.id,
      name: rana?.name,
      roles: ['researcher'],
      since: expect.any(String),
      addedBy: olga.name,
      reason: 'works on admissions',
    });
  });

  it('who is removed is refused by every route of the project at once, and their desktop ends', async () => {
    const input = { params: { project, workspace: ids.workspace } };
    const started = await waitUntil(
      () => nadia?.ask('showWorkspace', input) ?? Promise.reject(new Error('nobody')),
      ({ status }) => status !== 'requested',
    );
    expect(started.status).not.toBe('failed');
    expect(await rana?.ask('showProject', inProject)).toMatchObject({ id: project });
    expect((await rana?.ask('listMembers', inProject))?.items.length).toBe(2);

    expect(await remove(rana?.name)).toMatchObject({ roles: [], removedBy: olga.name, reason: 'left the university' });

    expect(memberRoutes.length).toBeGreaterThan(15);
    for (const name of memberRoutes) {
      const route: Route = routes[name];
      const body = route.body && 'token' in route.body.shape ? { token: 'A'.repeat(43) } : {};
      await expect(rana?.call(name, { params: { project, ...ids }, body }), name).rejects.toThrow(
        `There is no project ${project}`,
      );
    }
    expect((await rana?.ask('listProjects'))?.items).toEqual([]);
    expect((await rana?.ask('showMe'))?.projects).toEqual([]);

    const endedWorkspace = await waitUntil(
      () => nadia?.ask('showWorkspace', input) ?? Promise.reject(new Error('nobody')),
      ({ status }) => status === 'failed',
    );
    expect('reason' in endedWorkspace && endedWorkspace.reason).toContain(
      `${rana?.name} is no longer a member of ${project}`,
    );
    const { Reservations = [] } = await ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'tag:broch:workspace', Values: [ids.workspace] }] }),
    );
    const states = Reservations.flatMap(({ Instances = [] }) => Instances.map(({ State }) => State?.Name));
    expect(states.length).toBe(1);
    expect(states.filter(state => state !== 'terminated' && state !== 'shutting-down')).toEqual([]);
  });

  it('who was removed stays in the history and in the list of former members', async () => {
    const { items } = await olga.ask('showMemberHistory', { params: { project, name: rana?.name ?? '' } });
    expect(items.map(({ change, byName, reason }) => [change, byName, reason])).toEqual([
      ['added', olga.name, 'works on admissions'],
      ['removed', olga.name, 'left the university'],
    ]);
    const namesOf = async (status: string) =>
      (await olga.ask('listMembers', { ...inProject, query: { status } })).items.map(({ name }) => name);
    expect(await namesOf('current')).toEqual([nadia?.name]);
    expect(await namesOf('former')).toEqual([rana?.name]);
    await expect(remove(rana?.name)).rejects.toThrow('is no longer a member');
    await expect(remove('nobody-at-all')).rejects.toThrow('was never a member');
  });

  it('can be removed by id, also after their account was disabled', async () => {
    if (!nadia) throw new Error('nobody is signed in');
    await disableUser(cloud, nadia);
    expect(await remove(nadia.id)).toMatchObject({ name: nadia.name, roles: [] });
    await expect(nadia.ask('listMembers', inProject)).rejects.toThrow();
  });

  it('has access again once added again', async () => {
    await add(rana, { roles: ['lead'] });
    expect(await rana?.ask('showProject', inProject)).toMatchObject({ id: project });
  });

  it('who is a reviewer is added only with a confirmation', async () => {
    const rosa = await enrolTestUser(cloud, 'pr-members-rosa', 'reviewer');
    await expect(add(rosa)).rejects.toThrow('is a reviewer');
    expect(await add(rosa, { roles: ['researcher'], confirm: true })).toMatchObject({ name: rosa.name });
  });
});

describe('somebody whose group was taken away', () => {
  it.each(['operator', 'steward', 'reviewer', 'partner'] as const)(
    'can do nothing as %s at once, whatever the token says',
    async group => {
      const person = await signInNewUser(cloud, `pr-members-${group}`, group);
      expect((await person.ask('GET', '/me')).body.groups).toEqual([group]);
      await changeUserGroup(cloud, person, group, 'remove');
      for (const [name, route] of Object.entries<Route>(routes))
        if (route.callers !== 'anyone' && route.callers.some(grant => grant.group === group))
          expect((await person.ask(route.method, toExamplePath(route))).status, name).toBe(403);
    },
  );
});
