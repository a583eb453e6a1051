import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IAMClient, SimulatePrincipalPolicyCommand } from '@aws-sdk/client-iam';
import { GetPolicyCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { describe, expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import { connectTestCloud } from '../cloud.ts';
import {
  listAttackTargets,
  listReferences,
  type RoleStatement,
  readDeployedRole,
  readDeployedStacks,
  toArray,
} from './deployed.ts';

// Whose roles the embedded cloud doesn't enforce: asked of IAM itself, which answers for them as for any other.
const cloud = connectTestCloud();
const estate = await readDeployedStacks(cloud);
const attackTargets = await listAttackTargets(cloud, estate);
const iam = new IAMClient(cloud.configuration);

/** What could be done to each kind of thing. */
const deeds = {
  bucket: ['s3:ListBucket', 's3:DeleteBucket', 's3:PutBucketPolicy'],
  object: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
  table: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query', 'Scan'].map(deed => `dynamodb:${deed}`),
  key: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'],
  secret: ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'],
  machine: ['states:StartExecution', 'states:StopExecution', 'states:SendTaskSuccess', 'states:UpdateStateMachine'],
  function: ['lambda:InvokeFunction', 'lambda:GetFunction', 'lambda:UpdateFunctionCode'],
  queue: ['sqs:SendMessage', 'sqs:ReceiveMessage', 'sqs:PurgeQueue'],
  bus: ['events:PutEvents'],
  role: ['iam:PassRole', 'sts:AssumeRole', 'iam:PutRolePolicy'],
} as const;
const projectBucket = `arn:aws:s3:::broch-local-${cloud.account}-sec-any`;
const targets = [
  ...Object.entries(attackTargets).flatMap(([kind, targets]) =>
    targets.map(({ arn }) => [arn, deeds[kind as keyof typeof attackTargets]] as const),
  ),
  ...attackTargets.bucket.map(({ arn }) => [`${arn}/in/any`, deeds.object] as const),
  [projectBucket, deeds.bucket] as const,
  [`${projectBucket}/data/any`, deeds.object] as const,
  [
    '*',
    [
      'ec2:DescribeAvailabilityZones',
      'ec2:DescribeManagedPrefixLists',
      'ec2:RunInstances',
      'iam:PassRole',
      's3:ListAllMyBuckets',
      'sts:AssumeRole',
    ],
  ] as const,
];

/** What a role may do of all there is to do, as `action resource`. */
async function mayOf(role: string): Promise<{ may: string[]; mayNot: number }> {
  const may: string[] = [];
  let mayNot = 0;
  for (const [actions, resources] of Map.groupBy(targets, ([, actions]) => actions)) {
    const { EvaluationResults = [] } = await iam.send(
      new SimulatePrincipalPolicyCommand({
        PolicySourceArn: role,
        ActionNames: [...actions],
        ResourceArns: resources.map(([resource]) => resource),
      }),
    );
    expect(EvaluationResults.length).toBe(actions.length * resources.length);
    for (const { EvalActionName, EvalResourceName, EvalDecision } of EvaluationResults) {
      if (EvalDecision === 'allowed') may.push(`${EvalActionName} ${EvalResourceName}`);
      else mayNot++;
    }
  }
  return { may: may.sort(), mayNot };
}

interface State {
  Type: string;
  Resource?: string;
  Arguments?: { FunctionName?: string };
  ItemProcessor?: { States: Record<string, State> };
  Branches?: { States: Record<string, State> }[];
}

const states = (machine: Record<string, State>): State[] =>
  Object.values(machine).flatMap(state => [
    state,
    ...[state.ItemProcessor, ...(state.Branches ?? [])].flatMap(inner => (inner ? states(inner.States) : [])),
  ]);

/** What the integrations that machines call directly are for; one that isn't here has to say so first. */
const integrations: Record<string, string> = {
  'ec2:describeAvailabilityZones': 'ec2:DescribeAvailabilityZones *',
  'ec2:describeManagedPrefixLists': 'ec2:DescribeManagedPrefixLists *',
  's3:deleteBucket': `s3:DeleteBucket ${projectBucket}`,
};

/** What a state machine's file calls, as `action resource`; its placeholders are those of the deployed machine. */
function callsOf(file: { States: Record<string, State> }, substitutions: Record<string, unknown>): string[] {
  const calls = states(file.States).flatMap(({ Type, Resource = '', Arguments }) => {
    if (Type !== 'Task') return [];
    if (/^arn:aws:states:::lambda:invoke(\.waitForTaskToken)?$/.test(Resource)) {
      const name = /^\$\{(\w+)\}$/.exec(Arguments?.FunctionName ?? '')?.[1] ?? '';
      const fn = attackTargets.function.find(
        ({ name: candidate }) => candidate === estate.id(listReferences(substitutions[name])[0]),
      );
      return [`lambda:InvokeFunction ${fn?.arn}`];
    }
    const direct = integrations[Resource.replace('arn:aws:states:::aws-sdk:', '')];
    if (!direct) throw new Error(`nobody said what ${Resource} is for`);
    return [direct];
  });
  return [...new Set(calls)].sort();
}

const folder = join(import.meta.dirname, '../../state-machines');
const machines = readdirSync(folder).map(name => {
  const file = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const machine = estate
    .declared('AWS::StepFunctions::StateMachine')
    .find(([, { Properties }]) => JSON.parse(String(Properties.DefinitionString)).Comment === file.Comment);
  const { RoleArn, DefinitionSubstitutions = {} } = machine?.[1].Properties ?? {};
  return {
    name,
    role: `arn:aws:iam::${cloud.account}:role/${estate.id(listReferences(RoleArn)[0])}`,
    calls: callsOf(file, DefinitionSubstitutions as Record<string, unknown>),
  };
});

/** Logs and traces: what every machine has besides. */
const common = /^(logs|xray):/;
const actionsOf = (statements: RoleStatement[]) => [...new Set(statements.flatMap(({ Action }) => toArray(Action)))];

describe('state machines', () => {
  it('are all covered by this test', () => expect(machines.length).toBe(attackTargets.machine.length));

  it.each(machines)('$name may make the calls in its definition, and no others', async ({ name, role, calls }) => {
    const { may, mayNot } = await mayOf(role);
    expect(may).toEqual(calls);
    console.log(`${name}: ${may.length} allowed, ${mayNot} denied`);
    const { trust, statements } = await readDeployedRole(cloud, role);
    expect(trust).toEqual([
      {
        Action: 'sts:AssumeRole',
        Effect: 'Allow',
        Principal: { Service: 'states.amazonaws.com' },
        Condition: {
          StringEquals: { 'aws:SourceAccount': cloud.account },
          ArnLike: { 'aws:SourceArn': `arn:aws:states:${cloud.region}:${cloud.account}:stateMachine:*` },
        },
      },
    ]);
    const actions = new Set(calls.map(call => call.split(' ')[0]));
    expect(new Set(actionsOf(statements).filter(action => !common.test(action)))).toEqual(actions);
    const unlimited = statements.filter(({ Resource }) => toArray(Resource).includes('*'));
    expect(actionsOf(unlimited).filter(action => !common.test(action) && !calls.includes(`${action} *`))).toEqual([]);
  });
});

describe('schedules', () => {
  it.each(estate.all('AWS::Scheduler::Schedule'))('%s may start its target, and nothing else', async Name => {
    const { Target } = await new SchedulerClient(cloud.configuration).send(new GetScheduleCommand({ Name }));
    const { may, mayNot } = await mayOf(Target?.RoleArn ?? '');
    const { Arn = '', DeadLetterConfig: deadLetters } = Target ?? {};
    const action = Arn.includes(':function:') ? 'lambda:InvokeFunction' : 'states:StartExecution';
    expect(may).toEqual([`${action} ${Arn}`, ...(deadLetters ? [`sqs:SendMessage ${deadLetters.Arn}`] : [])].sort());
    console.log(`${Name}: ${may.length} allowed, ${mayNot} denied`);
    const { trust } = await readDeployedRole(cloud, Target?.RoleArn ?? '');
    expect(trust).toEqual([
      {
        Action: 'sts:AssumeRole',
        Effect: 'Allow',
        Principal: { Service: 'scheduler.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': cloud.account } },
      },
    ]);
  });
});

describe('callers of functions', () => {
  const lambda = new LambdaClient(cloud.configuration);
  const rules = estate.declared('AWS::Events::Rule').map(([id, { Properties }]) => ({
    rule: estate.id(id),
    targets: (Properties.Targets as { Arn: unknown; RoleArn?: unknown }[]).map(({ Arn, RoleArn }) => ({
      fn: estate.id(listReferences(Arn)[0]),
      RoleArn,
    })),
  }));
  /** Its resource policy: everybody who may call it from outside, and for what. */
  async function callersOf(FunctionName: string): Promise<string[]> {
    try {
      const { Policy = '' } = await lambda.send(new GetPolicyCommand({ FunctionName }));
      return JSON.parse(Policy)
        .Statement.map((statement: Record<string, Record<string, unknown>>) => {
          const source = (statement.Condition?.ArnLike as Record<string, string> | undefined)?.['AWS:SourceArn'];
          // A rule's ARN names its bus, where that is not the account's own.
          return `${statement.Effect} ${statement.Principal?.Service} ${statement.Action} ${source?.replace(/:rule\/[^/]+\//, ':rule/')}`;
        })
        .sort();
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return [];
      throw error;
    }
  }
  const api = new URL(cloud.outputs['api.Url'] ?? '').hostname.split('.')[0];
  // Sealed files are shown, and released ones given, by functions of their own. The API's also answers for all addresses that there aren't.
  const handlerFiles: Readonly<Record<string, string>> = {
    preview: 'airlock/view.lambda.ts',
    download: 'airlock/download.lambda.ts',
    packages: 'images/packages/api.lambda.ts',
    snapshots: 'workspaces/snapshots.lambda.ts',
  };
  const ways = [...Object.values(routes), { capability: 'api', path: '' }].map(({ capability, path }) => [
    handlerFiles[capability] ?? `${capability}/api.lambda.ts`,
    `Allow apigateway.amazonaws.com lambda:InvokeFunction arn:aws:execute-api:${cloud.region}:${cloud.account}:${api}/*/*${path}`,
  ]);

  it.each(estate.functions)('only its rules and routes may call $entry', async ({ entry, name }) => {
    const expectedCallers = rules
      .filter(({ targets }) => targets.some(({ fn }) => fn === name))
      .map(
        ({ rule }) =>
          `Allow events.amazonaws.com lambda:InvokeFunction arn:aws:events:${cloud.region}:${cloud.account}:rule/${rule}`,
      );
    // Transfer Family asks the function who may sign in by SFTP.
    if (entry === 'ingest/sign-in.lambda.ts') {
      const server = cloud.outputs['ingest.Sftp']?.split('.')[0];
      expectedCallers.push(
        `Allow transfer.amazonaws.com lambda:InvokeFunction arn:aws:transfer:${cloud.region}:${cloud.account}:server/${server}`,
      );
    }
    const routed = ways.flatMap(([file, way]) => (file === entry && way ? [way] : []));
    expect([...new Set(await callersOf(name))]).toEqual([...new Set([...expectedCallers, ...routed])].sort());
  });

  it('include no rule that needs a role to reach its target', () => {
    expect(rules.length).toBeGreaterThan(0);
    expect(rules.flatMap(({ targets }) => targets.filter(({ RoleArn }) => RoleArn !== undefined))).toEqual([]);
  });

  it('cannot assume the role of a function, which only Lambda can', async () => {
    for (const { role } of estate.functions) {
      const { trust } = await readDeployedRole(cloud, role);
      expect(trust).toEqual([
        { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } },
      ]);
    }
  });
});
