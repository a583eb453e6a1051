import { describe, expect, it } from 'vitest';
import { deployedPolicies } from '../templates/policies.ts';

const { statements, resolve } =
  deployedPolicies.find(({ place }) => place.startsWith('projects/ProjectsBuilderRoleDefaultPolicy')) ?? expect.fail();
const ownTag = 'aws:ResourceTag/broch:environment';

/** What the builder may do with a key that has no tags, or none yet that count. */
const onUntaggedKeys = statements
  .filter(({ Resource }) => [Resource].flat().some(resource => resolve(resource).endsWith(':key/*')))
  .filter(({ Condition }) => !Object.entries(Condition ?? {}).some(([test, keys]) => test !== 'Null' && ownTag in keys))
  .flatMap(({ Action, Condition }) => [Action].flat().map(action => ({ action, Condition })));

describe('the builder of projects', () => {
  it('may tag a key that it creates, and no key that has another’s tag', () =>
    expect(onUntaggedKeys).toContainEqual({
      action: 'kms:TagResource',
      Condition: { StringEquals: { 'aws:RequestTag/broch:environment': 'prod' }, Null: { [ownTag]: 'true' } },
    }));

  it('needs no tag for what CloudFormation does with a new key, and needs one for all that could do harm', () =>
    expect(onUntaggedKeys.map(({ action }) => action).sort()).toEqual(
      [
        'kms:CreateAlias',
        'kms:DescribeKey',
        'kms:EnableKeyRotation',
        'kms:GetKeyPolicy',
        'kms:GetKeyRotationStatus',
        'kms:ListResourceTags',
        'kms:TagResource',
      ].sort(),
    ));

  it('may change or delete no key of the platform, which has the tag of the environment alone', () => {
    const harmful = ['kms:PutKeyPolicy', 'kms:ScheduleKeyDeletion', 'kms:UntagResource'];
    const harmfulStatements = statements.filter(({ Action }) =>
      [Action].flat().some(action => harmful.includes(action)),
    );
    expect(harmfulStatements.map(({ Condition }) => Condition)).toEqual([
      { StringEquals: { [ownTag]: 'prod' }, Null: { 'aws:ResourceTag/broch:project': 'false' } },
    ]);
  });

  it('may tag what it creates and what is its own, and make nothing of another environment its own', () => {
    const taggers = statements.filter(({ Action }) => [Action].flat().includes('ec2:CreateTags'));
    expect(taggers.map(({ Condition }) => Condition)).toEqual([
      { StringEquals: { 'aws:RequestTag/broch:environment': 'prod' }, StringEqualsIfExists: { [ownTag]: 'prod' } },
      { StringEquals: { [ownTag]: 'prod' } },
    ]);
    const types = taggers.flatMap(({ Resource }) => [Resource].flat().map(arn => resolve(arn).split(/[:/]/)[5]));
    expect([...new Set(types)].sort()).toEqual(
      ['route-table', 'security-group', 'security-group-rule', 'subnet', 'vpc', 'vpc-endpoint', 'vpc-flow-log'].sort(),
    );
  });
});

describe('the boundary of the roles of projects', () => {
  const boundary = deployedPolicies.find(({ place }) => place.startsWith('projects/ProjectsBuilderBoundary'));
  const keyUses = boundary?.statements.filter(({ Action }) => [Action].flat().some(action => /^kms:/.test(action)));

  it('permits the use of keys through S3, and otherwise only with the attestation of an enclave', () =>
    expect(keyUses?.map(({ Action, Resource, Condition }) => [Action, boundary?.resolve(Resource), Condition])).toEqual(
      [
        [
          ['kms:Decrypt', 'kms:GenerateDataKey'],
          'arn:aws:kms:eu-west-2:111122223333:key/*',
          { StringEquals: { 'kms:ViaService': 's3.eu-west-2.amazonaws.com' } },
        ],
        // Also the keys of parties in other accounts.
        [
          ['kms:Decrypt', 'kms:GenerateDataKey'],
          'arn:aws:kms:eu-west-2:*:key/*',
          { Null: { 'kms:RecipientAttestation:PCR0': 'false' } },
        ],
      ],
    ));
});

describe('every policy', () => {
  it.each(['iam:PassRole', 'ec2:CreateTags'])('that allows %s names the environment', action => {
    // AWS Backup tags the snapshots that it has made, as its managed policy permits, and nothing else.
    const platformPolicies = deployedPolicies.filter(({ place }) => !place.startsWith('data/WorkspacesBackupsRole'));
    const loose = platformPolicies.flatMap(({ place, statements, resolve }) =>
      statements
        .filter(({ Effect, Action }) => Effect === 'Allow' && [Action].flat().includes(action))
        .filter(({ Resource, Condition = {} }) => {
          if (/ec2:CreateAction|broch:environment|"aws:TagKeys":\["broch:approved"\]/.test(JSON.stringify(Condition)))
            return false;
          // A reference is to one resource of this deployment.
          const literals = [Resource].flat().filter(arn => typeof arn === 'string' || 'Fn::Join' in (arn as object));
          return literals.some(arn => !resolve(arn).includes('broch-prod-'));
        })
        .map(() => place),
    );
    expect(loose).toEqual([]);
  });
});
