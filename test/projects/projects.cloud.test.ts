import { DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';

import type { ReadyProject } from '../../functions/projects/schemas.ts';
import { connectTestCloud } from '../cloud.ts';
import { findProjectStack, readBlockRow, readProjectRow, signInProjectPerson, waitForProject } from './harness.ts';
import { networksOverlap } from './networks.ts';

const { configuration, account, region } = connectTestCloud();
const [ec2, s3] = [new EC2Client(configuration), new S3Client(configuration)];
const vpcsOf = async (project: string) =>
  (await ec2.send(new DescribeVpcsCommand({ Filters: [{ Name: 'tag:broch:project', Values: [project] }] }))).Vpcs ?? [];

let operator: ApiClient;
let researcher: ApiClient;
beforeAll(async () => {
  operator = await signInProjectPerson('projects-operator', 'operator');
  researcher = await signInProjectPerson('projects-researcher', 'researcher');
});

const create = (id: string, title = id) => operator.ask('createProject', { body: { id, title } });
const waitForEnd = (id: string) =>
  waitForProject(
    () => operator.ask('showProject', { params: { project: id } }),
    ({ status }) => status !== 'provisioning',
  );

describe('projects that are requested at the same time', () => {
  const ids = ['pr-one', 'pr-two', 'pr-three', 'pr-four'];
  let projects: ReadyProject[];
  beforeAll(async () => {
    const requests = await Promise.all(ids.map(id => create(id)));
    for (const project of requests) expect(project).toMatchObject({ status: 'provisioning', attempt: 1 });
    projects = (await Promise.all(ids.map(waitForEnd))) as ReadyProject[];
  });

  it('all become ready', () => expect(projects.map(({ status }) => status)).toEqual(ids.map(() => 'ready')));

  it('share no resource', () => {
    for (const part of ['vpcId', 'bucket', 'keyArn', 'instanceProfile', 'securityGroupId', 'stackId'] as const)
      expect(new Set(projects.map(({ network }) => network[part])).size, part).toBe(ids.length);
    expect(new Set(projects.flatMap(({ network }) => network.subnetIds)).size).toBe(2 * ids.length);
    for (const { id, cidr } of projects)
      for (const otherProject of projects)
        if (id !== otherProject.id) expect(networksOverlap(cidr, otherProject.cidr)).toBe(false);
  });

  it('have the network of their block, a bucket of their name and a tag for the bill', async () => {
    for (const { id, cidr, network } of projects) {
      expect((await vpcsOf(id)).map(({ VpcId, CidrBlock }) => [VpcId, CidrBlock])).toEqual([[network.vpcId, cidr]]);
      expect(await readBlockRow(cidr)).toMatchObject({ status: 'leased', project: id });
      expect(network.bucket).toBe(`broch-local-${account}-${id}-1`);
    }
  });

  it('have stacks that cannot be deleted by mistake', async () => {
    const stack = await waitForProject(
      () => findProjectStack('pr-one'),
      stack => stack?.EnableTerminationProtection === true,
    );
    expect(stack?.StackStatus).toBe('CREATE_COMPLETE');
  });

  it('are listed, newest first, in pages', async () => {
    const listedKeys: string[] = [];
    let next: string | undefined;
    do {
      const page = await operator.ask('listProjects', { query: { limit: 3, ...(next && { next }) } });
      expect(page.items.length).toBeLessThanOrEqual(3);
      listedKeys.push(...page.items.map(({ requestedAt, id }) => `${requestedAt}#${id}`));
      next = page.next;
    } while (next);
    expect(listedKeys).toEqual([...listedKeys].sort().reverse());
    expect(listedKeys.map(line => line.split('#')[1])).toEqual(expect.arrayContaining(ids));
  });

  it('cannot be created again or retried', async () => {
    await expect(create('pr-one')).rejects.toThrow('The project pr-one already exists');
    await expect(operator.ask('retryProject', { params: { project: 'pr-one' } })).rejects.toThrow('is ready');
  });
});

describe('a project whose bucket name is taken', () => {
  const id = 'pr-taken';
  const Bucket = `broch-local-${account}-${id}-1`;

  it('fails with a reason and leaves no resource', async () => {
    await s3.send(
      new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: region as 'eu-west-2' } }),
    );
    await s3.send(new PutObjectCommand({ Bucket, Key: 'mine', Body: 'x' }));
    await create(id);
    const failed = await waitForEnd(id);
    expect(failed).toMatchObject({ status: 'failed', attempt: 1 });
    expect(failed).not.toHaveProperty('cidr');
    expect('reason' in failed && failed.reason).toMatch(/exist/i);
    expect(await findProjectStack(id)).toBeUndefined();
    expect(await vpcsOf(id)).toEqual([]);
  });

  it('can be retried once the cause is corrected', async () => {
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'mine' }));
    await s3.send(new DeleteBucketCommand({ Bucket }));
    expect(await operator.ask('retryProject', { params: { project: id } })).toMatchObject({ attempt: 2 });
    expect(await waitForEnd(id)).toMatchObject({ status: 'ready', attempt: 2 });
    expect((await readProjectRow(id))?.status).toBe('ready');
  });
});

describe('members', () => {
  const params = { project: 'pr-one' };
  it('answers that the project does not exist to a person who is not a member', async () => {
    expect((await researcher.ask('listProjects')).items).toEqual([]);
    expect((await researcher.ask('showMe')).projects).toEqual([]);
    await expect(researcher.ask('showProject', { params })).rejects.toThrow('There is no project pr-one');
    await expect(researcher.ask('listMembers', { params })).rejects.toThrow('There is no project pr-one');
  });
  it('refuses to add a member to a missing project, or a missing person', async () => {
    const body = { roles: ['researcher'] };
    await expect(
      operator.ask('addMember', { params: { project: 'pr-none', name: 'projects-researcher' }, body }),
    ).rejects.toThrow('There is no project pr-none');
    await expect(operator.ask('addMember', { params: { ...params, name: 'nobody-at-all' }, body })).rejects.toThrow(
      'There is no person named nobody-at-all',
    );
  });
  it('see the project and its other members', async () => {
    const { id: user } = await researcher.ask('showMe');
    const member = { ...params, name: 'projects-researcher' };
    const first = await operator.ask('addMember', { params: member, body: { roles: ['researcher'] } });
    expect(first).toMatchObject({ user, name: 'projects-researcher', roles: ['researcher'] });
    const second = await operator.ask('addMember', { params: member, body: { roles: ['researcher', 'lead'] } });
    expect(second).toEqual({ ...first, roles: ['lead', 'researcher'] });
    expect(await researcher.ask('showProject', { params })).toMatchObject({ id: 'pr-one', status: 'ready' });
    expect((await researcher.ask('listMembers', { params })).items).toEqual([second]);
    expect((await researcher.ask('listProjects')).items).toMatchObject([{ id: 'pr-one', status: 'ready' }]);
    expect((await researcher.ask('showMe')).projects).toEqual([
      { project: 'pr-one', roles: ['lead', 'researcher'], since: first.since },
    ]);
  });
  it('are refused the commands of operators', async () => {
    await expect(researcher.ask('createProject', { body: { id: 'pr-mine', title: 'Mine' } })).rejects.toThrow('Only');
    await expect(researcher.ask('retryProject', { params })).rejects.toThrow('Only');
  });
});
