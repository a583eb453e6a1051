import { describe, expect, it } from 'vitest';
import { expandAction, hasConditionKey, patternsMeet, type ReferenceAction } from './iam-reference.ts';
import { deployedPolicies, type FoundPolicy, type PolicyStatementJson } from './policies.ts';

const list = <T>(value: T | T[] | undefined): T[] => (value === undefined ? [] : ([value].flat() as T[]));

/** What of a statement AWS does not know, or reads as never met: `place: action …`. */
async function findMistakes({ place, resolve }: FoundPolicy, statement: PolicyStatementJson): Promise<string[]> {
  // The policy of a resource may leave it out. A key's `*` is the key.
  const resources = list(statement.Resource as unknown[] | undefined).map(resolve);
  const keys = Object.values(statement.Condition ?? {}).flatMap(test => Object.keys(test));
  const mistakes = list(statement.Action).map(async pattern => {
    const actions = await expandAction(pattern);
    if (actions.length === 0) return [`${pattern} is no action of AWS`];
    const wrong = pattern.includes('*') ? [] : actions.flatMap(action => findWrongResources(action, resources));
    const missing = actions.flatMap(action =>
      keys
        .filter(key => !hasConditionKey(action, resources.length > 0 ? resources : ['*'], key))
        .map(key => `${action.name} never has the condition key ${key}`),
    );
    return [...wrong, ...missing];
  });
  return (await Promise.all(mistakes)).flat().map(mistake => `${place}: ${mistake}`);
}

function findWrongResources({ name, resourceless, resourceTypes }: ReferenceAction, resources: readonly string[]) {
  if (resources.length === 0) return [];
  if (resourceless) return resources.includes('*') ? [] : [`${name} knows no resources, so it needs "*"`];
  return resources
    .filter(resource => !resourceTypes.some(({ arn }) => patternsMeet(arn, resource)))
    .map(resource => `${name} is never asked for on ${resource}`);
}

/** The kinds of resource that an allowed action always needs too, and that the policy does not name. */
async function findMissingResources({ place, statements, resolve }: FoundPolicy): Promise<string[]> {
  const allowed = new Map<string, { action: ReferenceAction; resources: string[] }>();
  for (const { Effect, Action, Resource } of statements) {
    if (Effect !== 'Allow' || Resource === undefined) continue;
    for (const action of (await Promise.all(list(Action).map(expandAction))).flat()) {
      const { resources } = allowed.get(action.name) ?? { resources: [] };
      allowed.set(action.name, { action, resources: [...resources, ...list(Resource as unknown[]).map(resolve)] });
    }
  }
  return [...allowed.values()].flatMap(({ action: { name, resourceTypes }, resources }) =>
    resourceTypes
      .filter(({ isRequired, arn }) => isRequired && !resources.some(resource => patternsMeet(arn, resource)))
      .map(type => `${place}: ${name} needs a resource of the kind ${type.name}`),
  );
}

/** What the reference finds wrong and AWS does not, or what is so without harm. */
const exceptions: { readonly mistake: RegExp; readonly reason: string }[] = [
  {
    mistake: /^(data|projects)\/\w+: s3:ListBucket never has the condition key s3:DataAccessPointAccount$/,
    reason:
      'AWS documents it for every action on a bucket that is delegated to access points: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html.',
  },
  {
    mistake: /^(workspaces|airlock|images|ingest)\/\w+: states:SendTaskSuccess knows no resources, so it needs "\*"$/,
    reason:
      'AWS checks it on the state machine of the task, though the reference does not say so; tried out in https://github.com/aws/aws-cdk/pull/8486, and what grantTaskResponse() grants since.',
  },
  {
    mistake: /: kms:Describe\w+ never has the condition key kms:EncryptionContext:aws:logs:arn$/,
    reason:
      'The statement as AWS documents it: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html. What has no context is just not allowed.',
  },
  {
    mistake:
      /^data\/CoreKey\w+: kms:DescribeKey never has the condition key kms:EncryptionContext:aws:events:event-bus:arn$/,
    reason: "The CDK's own statement for the bus. A statement of ours allows it without the context.",
  },
  {
    mistake:
      /: s3:(AllowVendedLogDeliveryForResource|InitiateReplication|PutAccessPointPublicAccessBlock) never has the condition key s3:TlsVersion$/,
    reason: 'A denial of s3:*, which these three cannot meet: they are no requests for data, or not for a bucket.',
  },
];

const listMistakes = async (policy: FoundPolicy): Promise<string[]> => [
  ...(await Promise.all(policy.statements.map(statement => findMistakes(policy, statement)))).flat(),
  ...(await findMissingResources(policy)),
];

describe('the IAM policies', async () => {
  const mistakes = (await Promise.all(deployedPolicies.map(listMistakes))).flat();

  it('name only actions, resources and condition keys that AWS has, apart from explained exceptions', () =>
    expect(mistakes.filter(text => !exceptions.some(({ mistake }) => mistake.test(text)))).toEqual([]));

  it('that this test reads are of every kind', () => {
    const ofIdentities = ['IAM::ManagedPolicy', 'IAM::Policy', 'IAM::Role'];
    const ofResources = ['KMS::Key', 'Lambda::Permission', 'S3::BucketPolicy', 'SNS::TopicPolicy', 'SQS::QueuePolicy'];
    const expected = [...ofIdentities, ...ofResources, 'EC2::VPCEndpoint'].map(name => `AWS::${name}`);
    const kinds = new Set(deployedPolicies.map(({ type }) => type));
    expect([...kinds].sort()).toEqual([...expected, 'session'].sort());
    expect(deployedPolicies.length).toBeGreaterThan(100);
  });

  it.each(exceptions)('contain the exception that is explained here: $mistake', ({ mistake }) =>
    expect(mistakes.filter(text => mistake.test(text))).not.toEqual([]),
  );
});

describe('the check of IAM policies finds', () => {
  const policy = (statement: Partial<PolicyStatementJson>): FoundPolicy => ({
    place: 'here',
    type: 'example',
    statements: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::bucket/*', ...statement }],
    resolve: String,
  });
  const queue = 'arn:aws:sqs:eu-west-2:111122223333:queue';
  it.each<[string, Partial<PolicyStatementJson>, string[]]>([
    ['an action that does not exist', { Action: 's3:GetObjects' }, ['here: s3:GetObjects is no action of AWS']],
    ['a pattern that means nothing', { Action: 's3:Fetch*' }, ['here: s3:Fetch* is no action of AWS']],
    ['a service that does not exist', { Action: 'sss:Get' }, ['here: sss:Get is no action of AWS']],
    [
      'a resource of another kind',
      { Resource: ['arn:aws:s3:::bucket', 'arn:aws:s3:::bucket/data'] },
      ['here: s3:GetObject is never asked for on arn:aws:s3:::bucket'],
    ],
    [
      'a resource where there is none',
      { Action: 'ec2:DescribeInstances', Resource: 'arn:aws:ec2:eu-west-2:111122223333:instance/*' },
      ['here: ec2:DescribeInstances knows no resources, so it needs "*"'],
    ],
    [
      'a condition key of another action',
      { Condition: { StringLike: { 's3:prefix': 'data/*' } } },
      ['here: s3:GetObject never has the condition key s3:prefix'],
    ],
    [
      'a tag where there are none',
      { Action: 'sqs:SendMessage', Resource: queue, Condition: { StringEquals: { 'aws:RequestTag/a': 'b' } } },
      ['here: sqs:SendMessage never has the condition key aws:RequestTag/a'],
    ],
    [
      'a resource that is needed too',
      { Action: 'kms:CreateAlias', Resource: 'arn:aws:kms:eu-west-2:111122223333:alias/a' },
      ['here: kms:CreateAlias needs a resource of the kind key'],
    ],
    ['nothing that is right', { Condition: { Bool: { 'aws:SecureTransport': 'true' } } }, []],
  ])('%s', async (_, statement, mistakes) => expect(await listMistakes(policy(statement))).toEqual(mistakes));
});
