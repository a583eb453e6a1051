import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parentRequest } from '../../functions/enclaves/instances.ts';
import { auditorOf } from '../../functions/enclaves/party-keys.ts';
import type { EnclaveRun } from '../../functions/enclaves/schemas.ts';
import { readConfig } from '../../lib/config.ts';
import { buildNetworkTemplate } from '../../lib/projects.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';
import { deployedPolicies } from '../templates/policies.ts';
import { manifest, proposal } from './runs.ts';

const config = readConfig('config/production.json');

describe('the instance beside an enclave', () => {
  const network = {
    bucket: 'bucket',
    instanceRole: 'AROA1',
    securityGroupId: 'sg-1',
    instanceProfile: 'profile',
    keyArn: 'arn:aws:kms:eu-west-2:111122223333:key/project',
    subnetIds: ['subnet-1', 'subnet-2'],
  };
  const order = {
    run: { ...proposal, id: manifest.run, project: manifest.project } as unknown as EnclaveRun,
    network: network as unknown as Parameters<typeof parentRequest>[0]['network'],
    environment: 'prod',
    image: 'ami-0e0e0e0e0e0e0e0e0',
    machine: { type: 'm6i.xlarge', hourlyMicros: 1, vcpus: 2, memoryMiB: 12_288 },
    minutes: 70,
  };
  const launch = parentRequest(order, 'subnet-1');

  it('may run enclaves, in an isolated subnet, with version 2 of the metadata service for itself alone', () => {
    expect(launch).toMatchObject({
      ImageId: order.image,
      InstanceType: 'm6i.xlarge',
      EnclaveOptions: { Enabled: true },
      SubnetId: 'subnet-1',
      SecurityGroupIds: ['sg-1'],
      MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
      MinCount: 1,
      MaxCount: 1,
    });
  });

  it('has no key pair, no public address and no other network, and an encrypted disk that goes with it', () => {
    for (const option of ['KeyName', 'NetworkInterfaces', 'HibernationOptions', 'CpuOptions', 'LaunchTemplate'])
      expect(launch).not.toHaveProperty(option);
    expect(launch.BlockDeviceMappings).toEqual([
      {
        DeviceName: '/dev/xvda',
        Ebs: { VolumeType: 'gp3', Encrypted: true, KmsKeyId: network.keyArn, DeleteOnTermination: true },
      },
    ]);
  });

  it('ends itself in time, and one repeated request is one instance', () => {
    expect(launch.InstanceInitiatedShutdownBehavior).toBe('terminate');
    expect(Buffer.from(launch.UserData ?? '', 'base64').toString()).toBe('#!/bin/sh\nshutdown -P +70\n');
    expect(parentRequest(order, 'subnet-1').ClientToken).toBe(launch.ClientToken);
    expect(parentRequest(order, 'subnet-2').ClientToken).not.toBe(launch.ClientToken);
  });

  it('stands in subnets with no way to the internet and no public addresses', () => {
    const template = Template.fromStack(buildNetworkTemplate(config).template);
    const subnets = findTemplateResources(template, 'AWS::EC2::Subnet');
    expect(subnets.length).toBeGreaterThan(0);
    for (const [id, { Properties }] of subnets) expect(Properties.MapPublicIpOnLaunch, id).toBe(false);
    for (const type of ['AWS::EC2::InternetGateway', 'AWS::EC2::NatGateway', 'AWS::EC2::EIP', 'AWS::EC2::Route'])
      expect(findTemplateResources(template, type), type).toEqual([]);
  });
});

describe('the evidence of runs', () => {
  const { templates } = synthesiseApp();
  const buckets = findTemplateResources(templates.data, 'AWS::S3::Bucket');
  const [, bucket] = buckets.find(([id]) => /^EnclavesEvidence/.test(id)) ?? [];

  it('lies under Object Lock for as long as released files, in every version, and never expires', () => {
    expect(bucket?.Properties).toMatchObject({
      ObjectLockEnabled: true,
      ObjectLockConfiguration: {
        ObjectLockEnabled: 'Enabled',
        Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: config.airlock.lockDays } },
      },
      VersioningConfiguration: { Status: 'Enabled' },
    });
    expect(JSON.stringify(bucket?.Properties.LifecycleConfiguration)).not.toMatch(/Expiration/);
  });

  it('can be deleted, or freed of its lock, by no function', () => {
    const actions = /"s3:(?:\*|Delete|BypassGovernanceRetention|PutObjectRetention|PutBucketObjectLock)/;
    const loose = deployedPolicies.flatMap(({ place, type, statements, resolve }) =>
      type !== 'AWS::S3::BucketPolicy' && place.startsWith('enclaves/')
        ? statements
            .filter(({ Effect, Action }) => Effect === 'Allow' && actions.test(JSON.stringify(Action)))
            .map(({ Resource }) => `${place}: ${resolve(Resource)}`)
        : [],
    );
    expect(loose).toEqual([]);
  });
});

describe('a key of a party in another account', () => {
  const keyUses = (place: RegExp) =>
    deployedPolicies
      .filter(policy => place.test(policy.place) && policy.type === 'AWS::IAM::Policy')
      .flatMap(({ statements, resolve }) =>
        statements
          .filter(({ Effect, Action }) => Effect === 'Allow' && [Action].flat().some(name => name.startsWith('kms:')))
          .map(({ Action, Resource, Condition }) => [[Action].flat(), resolve(Resource), Condition] as const),
      )
      .filter(([, resource]) => resource.endsWith(':*:key/*'));

  it('is used by the instance for what an enclave attests, and by nothing else that runs on it', () =>
    expect(keyUses(/^network\/StorageInstance/)).toEqual([
      [
        ['kms:Decrypt', 'kms:GenerateDataKey'],
        'arn:aws:kms:eu-west-2:*:key/*',
        {
          StringNotEquals: { 'aws:ResourceAccount': expect.anything() },
          Null: { 'kms:RecipientAttestation:PCR0': 'false' },
        },
      ],
    ]));

  it('is used by the function that brings outputs to the airlock, for outputs of a run', () =>
    expect(keyUses(/^enclaves\//)).toEqual([
      [['kms:Decrypt'], 'arn:aws:kms:eu-west-2:*:key/*', { StringLike: { 'kms:EncryptionContext:broch:run': 'er-*' } }],
    ]));

  it('is audited in the name of the role that its account has for this, and our keys by our own', () => {
    const ownAuditor = 'arn:aws:iam::111122223333:role/broch-prod-enclave-auditor';
    const keyIn = (account: string, partition = 'aws') => `arn:${partition}:kms:eu-west-2:${account}:key/1`;
    expect(auditorOf(keyIn('111122223333'), ownAuditor)).toBe(ownAuditor);
    expect(auditorOf(keyIn('444455556666'), ownAuditor)).toBe('arn:aws:iam::444455556666:role/broch-enclave-auditor');
    expect(auditorOf(keyIn('444455556666', 'aws-us-gov'), ownAuditor)).toBe(
      'arn:aws-us-gov:iam::444455556666:role/broch-enclave-auditor',
    );
  });

  it('is audited by the functions of enclaves, which may become those roles and no other', () => {
    const roles = deployedPolicies
      .filter(({ place, type }) => place.startsWith('enclaves/') && type === 'AWS::IAM::Policy')
      .flatMap(({ statements, resolve }) =>
        statements
          .filter(({ Effect, Action }) => Effect === 'Allow' && [Action].flat().includes('sts:AssumeRole'))
          .flatMap(({ Resource }) => [Resource].flat().map(resolve)),
      );
    expect([...new Set(roles)].sort()).toEqual([
      'arn:aws:iam::*:role/broch-enclave-auditor',
      'arn:aws:iam::111122223333:role/*',
      'arn:aws:iam::111122223333:role/broch-prod-enclave-auditor',
    ]);
  });
});
