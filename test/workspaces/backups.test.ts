import type { EC2Client } from '@aws-sdk/client-ec2';
import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { nameHomes } from '../../functions/workspaces/backups.ts';
import type { WorkspaceIn } from '../../functions/workspaces/schemas.ts';
import { keepHome, listHomeSnapshots, listSnapshots, requireSnapshot } from '../../functions/workspaces/snapshots.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const tag = (Key: string, Value: string) => ({ Key, Value });
const workspaceTag = tag('broch:workspace', 'ws-00112233aabb');
const madeByOwner = (number: number) => ({
  SnapshotId: `snap-0000000${number}`,
  State: 'completed',
  StartTime: new Date(Date.UTC(2026, 10, number)),
  Tags: [workspaceTag, tag('broch:snapshot', `mark-${number}`)],
});
const backup = {
  SnapshotId: 'snap-0000000b',
  State: 'completed',
  StartTime: new Date(Date.UTC(2026, 10, 9)),
  // AWS Backup copies the tags of the disk, that of its launch too.
  Tags: [
    workspaceTag,
    tag('broch:attempt', '3'),
    tag('aws:backup:source-resource', 'arn:aws:ec2:eu-west-2:1:volume/vol-1'),
  ],
};
const pending = { ...madeByOwner(1), SnapshotId: 'snap-0000000c', State: 'pending' };
const disk = {
  VolumeId: 'vol-1',
  Attachments: [{ Device: '/dev/sdf' }],
  Tags: [workspaceTag, tag('broch:project', 'asthma'), tag('broch:attempt', '1'), tag('aws:x', 'y')],
};

/** EC2 with these answers, and the calls that change something. */
function playEc2(answers: Readonly<Record<string, object>>) {
  const calls: [string, unknown][] = [];
  const client = {
    send: async ({ constructor: { name }, input }: { constructor: { name: string }; input: unknown }) => {
      if (!name.startsWith('Describe')) calls.push([name, input]);
      return answers[name] ?? {};
    },
  };
  return { client: client as unknown as EC2Client, calls };
}
const workspace = { id: 'ws-00112233aabb', kind: 'desktop', instanceId: 'i-1' } as WorkspaceIn<'ready'>;

describe('snapshots of a home', () => {
  it('have their maker, and those of AWS Backup are never among the ones that Broch may delete', async () => {
    const { client } = playEc2({ DescribeSnapshotsCommand: { Snapshots: [madeByOwner(1), backup] } });
    expect((await listHomeSnapshots(client, workspace.id)).map(({ madeBy }) => madeBy)).toEqual(['backup', 'owner']);
    expect(await listSnapshots(client, workspace.id)).toEqual([madeByOwner(1)]);
  });

  it('a fourth snapshot of the owner replaces her oldest one, and no other', async () => {
    const Snapshots = [madeByOwner(2), madeByOwner(1), madeByOwner(3), backup];
    const { client, calls } = playEc2({
      DescribeSnapshotsCommand: { Snapshots },
      DescribeVolumesCommand: { Volumes: [disk] },
      CreateSnapshotCommand: { SnapshotId: 'snap-00000004', State: 'pending', StartTime: new Date() },
    });
    expect(await keepHome(client, workspace, 'mark-4')).toMatchObject({ id: 'snap-00000004', madeBy: 'owner' });
    expect(calls).toMatchObject([
      ['CreateSnapshotCommand', { VolumeId: 'vol-1', TagSpecifications: [{ ResourceType: 'snapshot' }] }],
      ['DeleteSnapshotCommand', { SnapshotId: 'snap-00000001' }],
    ]);
    const [[, { TagSpecifications }]] = calls as [[string, { TagSpecifications: [{ Tags: object[] }] }]];
    expect(TagSpecifications[0].Tags).toEqual([
      workspaceTag,
      tag('broch:project', 'asthma'),
      tag('broch:snapshot', 'mark-4'),
    ]);
  });

  it('a repeated call finds the snapshot of the first call', async () => {
    const { client, calls } = playEc2({ DescribeSnapshotsCommand: { Snapshots: [madeByOwner(2)] } });
    expect(await keepHome(client, workspace, 'mark-2')).toMatchObject({ id: 'snap-00000002' });
    expect(calls).toEqual([]);
  });

  it('only a complete snapshot of the same workspace can be restored', async () => {
    const { client } = playEc2({ DescribeSnapshotsCommand: { Snapshots: [backup, pending] } });
    await requireSnapshot(client, workspace.id, 'snap-0000000b');
    await expect(requireSnapshot(client, workspace.id, 'snap-0000000c')).rejects.toThrow(/not complete/);
    await expect(requireSnapshot(client, workspace.id, 'snap-0000000d')).rejects.toThrow(/has no snapshot/);
  });
});

describe('backups by AWS Backup', () => {
  it('a home gets the tag for AWS Backup once', async () => {
    const namedDisk = { ...disk, VolumeId: 'vol-2', Tags: [...disk.Tags, tag('broch:backup', 'home')] };
    const { client, calls } = playEc2({ DescribeVolumesCommand: { Volumes: [disk, namedDisk] } });
    expect(await nameHomes(client, 'prod', 'asthma')).toBe(1);
    expect(calls).toEqual([['CreateTagsCommand', { Resources: ['vol-1'], Tags: [tag('broch:backup', 'home')] }]]);
  });

  const template = synthesiseApp().templates.data;
  const findOnly = (type: string) => {
    const [[, { Properties }] = expect.fail(), ...otherResources] = findTemplateResources(template, type);
    expect(otherResources).toEqual([]);
    return Properties;
  };

  it('the plan takes a snapshot each night and deletes it after the configured days', () => {
    expect(findOnly('AWS::Backup::BackupPlan')).toMatchObject({
      BackupPlan: { BackupPlanRule: [{ ScheduleExpression: 'cron(0 1 * * ? *)', Lifecycle: { DeleteAfterDays: 14 } }] },
    });
  });

  it('the plan selects only disks, by both tags', () => {
    const { BackupSelection: selection } = findOnly('AWS::Backup::BackupSelection') as { BackupSelection: object };
    expect(selection).not.toHaveProperty('ListOfTags');
    expect(JSON.stringify(selection)).toContain(':ec2:*:*:volume/*');
    expect(selection).toMatchObject({
      Conditions: {
        StringEquals: [
          { ConditionKey: 'aws:ResourceTag/broch:environment', ConditionValue: 'prod' },
          { ConditionKey: 'aws:ResourceTag/broch:backup', ConditionValue: 'home' },
        ],
      },
    });
  });

  it('its role reads disks of this Broch only, and deletes only what AWS Backup made', () => {
    const roles = findTemplateResources(template, 'AWS::IAM::Role').filter(([, { Properties }]) =>
      JSON.stringify(Properties.AssumeRolePolicyDocument).includes('backup.amazonaws.com'),
    );
    expect(roles).toHaveLength(1);
    expect(JSON.stringify(roles[0]?.[1].Properties)).toContain('aws:SourceAccount');
    const policy = findTemplateResources(template, 'AWS::IAM::Policy').find(([, { Properties }]) =>
      JSON.stringify(Properties.Roles).includes(roles[0]?.[0] ?? '?'),
    );
    const { Statement } = (policy ?? expect.fail())[1].Properties.PolicyDocument as {
      Statement: { Action: string | string[]; Resource: unknown; Condition?: object }[];
    };
    const find = (action: string, resource: string) =>
      Statement.filter(
        ({ Action, Resource }) => [Action].flat().includes(action) && JSON.stringify(Resource).includes(resource),
      ).map(({ Condition }) => Condition);
    expect(find('ec2:CreateSnapshot', ':volume/')).toEqual([
      { StringEquals: { 'aws:ResourceTag/broch:environment': 'prod' } },
    ]);
    expect(find('ec2:DeleteSnapshot', '')).toEqual([
      { Null: { 'aws:ResourceTag/aws:backup:source-resource': 'false' } },
    ]);
    expect(Statement.flatMap(({ Action }) => Action).filter(action => /Restore|CopySnapshot|kms/.test(action))).toEqual(
      [],
    );
  });
});

describe('the rights to restore', () => {
  it('a disk is made only from a snapshot of this Broch, and only disks of this Broch are touched', () => {
    const { workspaces = expect.fail() } = synthesiseApp().stacks as Record<string, Stack>;
    const statements = findTemplateResources(Template.fromStack(workspaces), 'AWS::IAM::Policy').flatMap(
      ([, { Properties }]) =>
        (Properties.PolicyDocument as { Statement: { Action: string | string[]; Condition?: object }[] }).Statement,
    );
    const conditions = (action: string) =>
      statements.filter(({ Action }) => [Action].flat().includes(action)).map(({ Condition }) => Condition);
    const ownTag = { StringEquals: { 'aws:ResourceTag/broch:environment': 'prod' } };
    expect(conditions('ec2:CreateVolume')).toEqual([
      ownTag,
      { StringEquals: { 'aws:RequestTag/broch:environment': 'prod' } },
    ]);
    for (const action of ['AttachVolume', 'DetachVolume', 'DeleteVolume', 'DeleteSnapshot'])
      for (const condition of conditions(`ec2:${action}`)) expect(condition, action).toEqual(ownTag);
  });
});
