import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundle } from '../lib/bundle.ts';
import { findSdkCommands } from './sdk-commands.ts';
import { findTemplateResources, synthesiseApp, type TemplateResource } from './template.ts';

const { templates } = synthesiseApp();
const template = templates.platform;
const sdkCommands = await findSdkCommands();

/** The IAM prefix of a client package, where it differs from the package's name. */
const services: Record<string, string> = {
  eventbridge: 'events',
  sfn: 'states',
  'service-quotas': 'servicequotas',
  'secrets-manager': 'secretsmanager',
  'cost-explorer': 'ce',
  'cognito-identity-provider': 'cognito-idp',
  's3-control': 's3',
  'cloudwatch-logs': 'logs',
};

/** What IAM asks for a command, where it isn't the action of the same name. `may` only applies in some uses. */
const exceptions: Record<string, { must: string[]; may?: string[] }> = {
  // A transaction needs the rights of what it holds.
  'dynamodb:TransactWriteItems': {
    must: ['dynamodb:PutItem'],
    may: ['dynamodb:DeleteItem', 'dynamodb:UpdateItem', 'dynamodb:ConditionCheckItem'],
  },
  's3:HeadObject': { must: ['s3:GetObject'], may: ['s3:GetObjectVersion'] },
  's3:GetObject': { must: ['s3:GetObject'], may: ['s3:GetObjectVersion'] },
  's3:CopyObject': { must: ['s3:PutObject'], may: ['s3:GetObject', 's3:GetObjectVersion'] },
  's3:UploadPartCopy': { must: ['s3:PutObject'], may: ['s3:GetObject', 's3:GetObjectVersion'] },
  's3:UploadPart': { must: ['s3:PutObject'] },
  's3:CreateMultipartUpload': { must: ['s3:PutObject'] },
  's3:CompleteMultipartUpload': { must: ['s3:PutObject'] },
  's3:GetObjectTagging': { must: ['s3:GetObjectVersionTagging'] },
  's3:ListObjectsV2': { must: ['s3:ListBucket'] },
  // Of versions, named one by one.
  's3:DeleteObjects': { must: ['s3:DeleteObject', 's3:DeleteObjectVersion'] },
  's3:ListObjectVersions': { must: ['s3:ListBucketVersions'] },
  'ec2:RunInstances': {
    must: ['ec2:RunInstances', 'ec2:CreateTags', 'iam:PassRole'],
    may: [
      'ssm:GetParameters',
      'kms:CreateGrant',
      'kms:GenerateDataKeyWithoutPlaintext',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
      'kms:DescribeKey',
      'kms:Decrypt',
    ],
  },
  // An encrypted disk from a snapshot: EC2 uses the key with the caller's rights.
  'ec2:CreateVolume': {
    must: ['ec2:CreateVolume', 'ec2:CreateTags'],
    may: [
      'kms:CreateGrant',
      'kms:GenerateDataKeyWithoutPlaintext',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
      'kms:DescribeKey',
    ],
  },
  'ec2:CreateSnapshot': { must: ['ec2:CreateSnapshot', 'ec2:CreateTags'] },
  'ec2:CreateVpcEndpoint': { must: ['ec2:CreateVpcEndpoint', 'ec2:CreateTags'] },
  // The first scan in an account makes GuardDuty's own role.
  'guardduty:StartMalwareScan': { must: ['guardduty:StartMalwareScan'], may: ['iam:CreateServiceLinkedRole'] },
  // Its snapshots go with it.
  'ec2:DeregisterImage': { must: ['ec2:DeregisterImage'], may: ['ec2:DeleteSnapshot'] },
  // SSM checks that a parameter of the type aws:ec2:image names an image that the caller can see.
  'ssm:PutParameter': { must: ['ssm:PutParameter'], may: ['ec2:DescribeImages', 'ssm:GetParameters'] },
  // As the auditor of the account that a key is in, which is another role.
  'kms:GetKeyPolicy': { must: [] },
  'kms:ListGrants': { must: [] },
  'kms:RevokeGrant': { must: [] },
  // S3 does the work of the job with the role that it is given.
  's3:CreateJob': { must: ['s3:CreateJob', 'iam:PassRole'] },
  'batch:SubmitJob': { must: ['batch:SubmitJob', 'batch:TagResource'] },
  'batch:RegisterJobDefinition': { must: ['batch:RegisterJobDefinition', 'batch:TagResource', 'iam:PassRole'] },
  'cloudformation:CreateStack': {
    must: ['cloudformation:CreateStack', 'iam:PassRole'],
    may: ['s3:GetObject', 'kms:Decrypt', 'cloudformation:TagResource'],
  },
  'cloudformation:DeleteStack': { must: ['cloudformation:DeleteStack'], may: ['iam:PassRole'] },
  'cloudformation:UpdateTerminationProtection': { must: ['cloudformation:UpdateTerminationProtection'] },
};

/** What a function does under the role that it lends to somebody, with the rights of that session and no others. */
const lentCommands: Readonly<Record<string, readonly string[]>> = {
  'ingest/api.lambda.ts': [
    'CreateMultipartUpload',
    'UploadPart',
    'ListParts',
    'ListObjectsV2',
    'CompleteMultipartUpload',
  ].map(name => `s3:${name}`),
};

/** Rights that come with using encrypted data through a service; they only work through that service. */
const impliedActions = ['kms:Decrypt', 'kms:GenerateDataKey'];
/** What Lambda does under the function's role to know what is new in a table. */
const polling = ['DescribeStream', 'GetRecords', 'GetShardIterator'].map(name => `dynamodb:${name}`);
const listing = 'dynamodb:ListStreams';
const commonActions = [
  'logs:CreateLogStream',
  'logs:PutLogEvents',
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
];

const needs = (command: string) => {
  const [client = '', name] = command.split(':');
  const permission = `${services[client] ?? client}:${name}`;
  return exceptions[permission] ?? { must: [permission] };
};

interface Statement {
  Action: string | string[];
  Resource: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

const list = <T>(value: T | T[]): T[] => [value].flat() as T[];

/** The logical ids, of this stack or another, that a value refers to. */
function ids(value: unknown): string[] {
  if (typeof value === 'string') return [];
  if (Array.isArray(value)) return value.flatMap(ids);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref') return [String(inner)];
    if (key === 'Fn::GetAtt') return [String(list(inner)[0])];
    if (key === 'Fn::ImportValue')
      return [/ExportsOutput(?:Ref|FnGetAtt)(\w+?[0-9A-F]{8})/.exec(String(inner))?.[1] ?? String(inner)];

    return ids(inner);
  });
}

const policies = findTemplateResources(template, 'AWS::IAM::Policy');
/** Where Lambda leaves the events that a function failed on, under the function's role. */
const undelivered = findTemplateResources(template, 'AWS::Lambda::EventInvokeConfig').map(([, { Properties }]) => ({
  fn: ids(Properties.FunctionName)[0],
  queue: ids((Properties.DestinationConfig as { OnFailure: unknown }).OnFailure)[0],
}));
/** Which functions Lambda calls with what is new in the table, and where it leaves what they failed on. */
const followers = findTemplateResources(template, 'AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => ({
  fn: ids(Properties.FunctionName)[0],
  stream: ids(Properties.EventSourceArn)[0],
  queue: ids((Properties.DestinationConfig as { OnFailure: unknown }).OnFailure)[0],
}));
const functions = findTemplateResources(template, 'AWS::Lambda::Function').map(([id, { Properties }]) => {
  const role = ids(Properties.Role)[0] ?? '';
  const statements = policies
    .filter(([, policy]) => ids(policy.Properties.Roles).includes(role))
    .flatMap(
      ([, policy]) =>
        (policy as TemplateResource & { Properties: { PolicyDocument: { Statement: Statement[] } } }).Properties
          .PolicyDocument.Statement,
    );
  return {
    id,
    role,
    entry: String(Properties.Description).replace(/^functions\//, ''),
    statements,
    environment: (Properties.Environment as { Variables: Record<string, unknown> }).Variables,
    logs: ids(Properties.LoggingConfig),
    queues: [...undelivered, ...followers].flatMap(({ fn, queue }) =>
      fn === id && queue !== undefined ? [queue] : [],
    ),
    streams: followers.flatMap(({ fn, stream }) => (fn === id && stream !== undefined ? [stream] : [])),
  };
});

describe.each(functions)('$entry', ({ entry, role, statements, environment, logs, queues, streams }) => {
  const commands = (sdkCommands.get(entry) ?? []).filter(command => !lentCommands[entry]?.includes(command));
  const grantedActions = [...new Set(statements.flatMap(({ Action }) => list(Action)))].sort();

  it('has a role of its own that no other function shares', () => {
    expect(functions.filter(candidate => candidate.role === role).length).toBe(1);
  });

  it('has every module that its code imports, and loads only the SDK clients whose commands it sends', () => {
    const { folder } = bundle(entry);
    const files = readdirSync(folder);
    const code = files.map(file => readFileSync(join(folder, file), 'utf8'));
    const imports = code.flatMap(text =>
      [...text.matchAll(/(?:from|import)\(?["'`]\.\/([^"'`]+)/g)].map(([, file]) => file),
    );
    expect(imports.filter(file => !files.includes(file ?? ''))).toEqual([]);
    const clients = code.flatMap(text => [...text.matchAll(/@aws-sdk\/client-([\w-]+)/g)].map(([, client]) => client));
    const used = new Set(sdkCommands.get(entry)?.map(command => command.split(':')[0]));
    expect([...new Set(clients)].sort()).toEqual([...used].sort());
  });

  it('has every right that its code needs', () => {
    const must = new Set(commands.flatMap(command => needs(command).must));
    expect([...must].filter(action => !grantedActions.includes(action))).toEqual([]);
  });

  it('has no right that its code does not need', () => {
    const possible = new Set([
      ...commonActions,
      ...impliedActions,
      ...(queues.length > 0 ? ['sqs:SendMessage'] : []),
      ...(streams.length > 0 ? [...polling, listing] : []),
      ...commands.flatMap(command => [...needs(command).must, ...(needs(command).may ?? [])]),
    ]);
    expect(grantedActions.filter(action => !possible.has(action))).toEqual([]);
  });

  it('reaches exactly the resources that its environment names', () => {
    const names = new Set([...ids(environment), ...logs, ...queues, ...streams]);
    const touched = statements
      .filter(({ Condition }) => Condition?.StringEquals?.['kms:ViaService'] === undefined)
      // A role that it only hands to a machine comes with the name of the machine's profile.
      .filter(({ Action }) => !list(Action).includes('iam:PassRole'))
      .flatMap(({ Resource }) => ids(Resource))
      .filter(id => !id.startsWith('AWS::'));
    expect([...new Set(touched)].filter(id => !names.has(id))).toEqual([]);
  });

  it('sends failed events to its own queue only', () => {
    const sends = statements.filter(({ Action }) => list(Action).includes('sqs:SendMessage'));
    expect(sends.map(({ Action, Resource }) => [list(Action), ids(Resource)])).toEqual(
      queues.map(queue => [['sqs:SendMessage'], [queue]]),
    );
    const throughQueues = statements.filter(({ Condition }) =>
      JSON.stringify(Condition?.StringEquals?.['kms:ViaService'] ?? '').includes('sqs.'),
    );
    expect(throughQueues.length).toBe(queues.length);
  });

  it('reads only the stream that it follows', () => {
    const reads = statements.filter(({ Action }) => list(Action).some(action => polling.includes(action)));
    expect(reads.map(({ Action, Resource }) => [list(Action).sort(), ids(Resource)])).toEqual(
      streams.map(stream => [polling, [stream]]),
    );
  });

  // IAM weighs each statement by itself: what two statements allow a half of each, neither allows.
  it('has one statement for each right on the table, with all partitions of a request', () => {
    const rights = statements
      .filter(({ Condition }) => Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] !== undefined)
      .flatMap(({ Action }) => list(Action));
    expect(rights.sort()).toEqual([...new Set(rights)].sort());
  });

  it('uses the resource * only for actions that have no resource', () => {
    const whole = statements
      .filter(({ Resource }) => list(Resource).includes('*'))
      .flatMap(({ Action }) => list(Action));
    const unscoped = [
      ...commonActions,
      listing,
      'ec2:DescribeInstances',
      'ec2:DescribeImages',
      'ec2:DescribeSnapshots',
      'ec2:DescribeVpcs',
      'ec2:DescribeRouteTables',
      'ec2:DescribeSecurityGroupRules',
      'ec2:DescribeVpcEndpoints',
      'cloudwatch:GetMetricStatistics',
      'ec2:DescribeInstanceTypeOfferings',
      'ec2:DescribeSubnets',
      'batch:DescribeComputeEnvironments',
      'batch:DescribeJobDefinitions',
      'batch:DescribeJobs',
      'batch:ListJobs',
      'ce:GetCostAndUsage',
      'ssm:GetCommandInvocation',
      'inspector2:ListCoverage',
      'inspector2:ListFindings',
      'guardduty:GetMalwareScan',
      'guardduty:ListMalwareScans',
      'guardduty:StartMalwareScan',
      'codeartifact:CreatePackageGroup',
      'ec2:DescribeVolumes',
      's3:CreateJob',
    ];
    expect(whole.filter(action => !unscoped.includes(action))).toEqual([]);
  });
});

it('finds the functions of the platform', () => expect(functions.length).toBeGreaterThan(0));

it('keeps the failed events of a function in the queue of the rule that calls it', () => {
  const targets = findTemplateResources(template, 'AWS::Events::Rule').flatMap(
    ([, { Properties }]) => Properties.Targets as { Arn: unknown; DeadLetterConfig?: unknown }[],
  );
  expect(targets.length).toBeGreaterThan(0);
  const calls = targets
    .map(({ Arn, DeadLetterConfig }) => ({ fn: ids(Arn)[0], queue: ids(DeadLetterConfig)[0] }))
    .filter(({ fn }) => functions.some(({ id }) => id === fn));
  const pairsOf = (pairs: typeof calls) => [...new Set(pairs.map(({ fn, queue }) => `${fn} ${queue}`))].sort();
  expect(pairsOf(calls)).toEqual(pairsOf(undelivered));
});
