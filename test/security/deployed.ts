import {
  CloudFormationClient,
  GetTemplateCommand,
  paginateListStackResources,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { GetRoleCommand, GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand } from '@aws-sdk/client-iam';
import { type FunctionConfiguration, LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import { ListSecretsCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { connectTestCloud } from '../cloud.ts';
import { capabilityWords } from '../house/sources.ts';
import type { TemplateResource } from '../template.ts';

type Cloud = ReturnType<typeof connectTestCloud>;

export interface RoleStatement {
  readonly Action: string | string[];
  readonly Resource: string | string[];
  readonly Condition?: Record<string, Record<string, string | string[]>>;
}

export const toArray = <T>(value: T | T[] | undefined): T[] => (value === undefined ? [] : ([value].flat() as T[]));

/** A deployed function: what it is, under which role, and what its environment names. */
export interface DeployedFunction {
  readonly entry: string;
  readonly name: string;
  readonly arn: string;
  readonly role: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** All stacks as deployed: their templates, and what became of each resource in them. */
export async function readDeployedStacks({ configuration }: Cloud) {
  const client = new CloudFormationClient(configuration);
  const stacks = ['data', ...capabilityWords].map(word => `broch-local-${word}`);
  const templates = await Promise.all(
    stacks.map(async StackName => {
      const { TemplateBody = '' } = await client.send(new GetTemplateCommand({ StackName, TemplateStage: 'Original' }));
      return JSON.parse(TemplateBody).Resources as Record<string, TemplateResource>;
    }),
  );
  const physical = new Map<string, StackResourceSummary>();
  for (const StackName of stacks)
    for await (const { StackResourceSummaries = [] } of paginateListStackResources({ client }, { StackName }))
      for (const resource of StackResourceSummaries) physical.set(resource.LogicalResourceId ?? '', resource);

  const listIds = (type: string) =>
    [...physical.values()]
      .filter(({ ResourceType }) => ResourceType === type)
      .map(resource => resource.PhysicalResourceId ?? '');
  const owned = new Set(listIds('AWS::Lambda::Function'));
  const functions: FunctionConfiguration[] = [];
  for await (const { Functions = [] } of paginateListFunctions({ client: new LambdaClient(configuration) }, {}))
    functions.push(...Functions.filter(({ FunctionName = '' }) => owned.has(FunctionName)));

  return {
    /** Templates' resources of a type, by logical id. */
    declared: (type: string) =>
      templates.flatMap(template => Object.entries(template).filter(([, { Type }]) => Type === type)),
    /** The physical id of a logical one. */
    id(logical: string | undefined): string {
      const id = physical.get(logical ?? '')?.PhysicalResourceId;
      if (!id) throw new Error(`${logical} is not deployed`);
      return id;
    },
    /** The physical ids of all resources of a type. */
    all: listIds,
    functions: functions.map(
      ({ Description = '', FunctionName = '', FunctionArn = '', Role = '', Environment }): DeployedFunction => ({
        entry: Description.replace(/^functions\//, ''),
        name: FunctionName,
        arn: FunctionArn,
        role: Role,
        environment: Environment?.Variables ?? {},
      }),
    ),
  };
}

async function readRole(client: IAMClient, arn: string) {
  const RoleName = arn.split('/').at(-1) ?? '';
  const { Role } = await client.send(new GetRoleCommand({ RoleName }));
  const { PolicyNames = [] } = await client.send(new ListRolePoliciesCommand({ RoleName }));
  const policies = await Promise.all(
    PolicyNames.map(PolicyName => client.send(new GetRolePolicyCommand({ RoleName, PolicyName }))),
  );
  const parse = (document = '') => JSON.parse(decodeURIComponent(document)).Statement;
  return {
    trust: parse(Role?.AssumeRolePolicyDocument),
    statements: policies.flatMap(({ PolicyDocument }) => parse(PolicyDocument) as RoleStatement[]),
  };
}

let iam: IAMClient | undefined;
const roles = new Map<string, ReturnType<typeof readRole>>();

/** What a role trusts and allows, as deployed. Deployed roles do not change, so each is read once. */
export function readDeployedRole({ configuration }: Cloud, arn: string): ReturnType<typeof readRole> {
  iam ??= new IAMClient(configuration);
  const role = roles.get(arn) ?? readRole(iam, arn);
  roles.set(arn, role);
  return role;
}

/** The logical ids that a value of a template refers to, in this stack or another. */
export function listReferences(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(listReferences);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref') return [String(inner)];
    if (key === 'Fn::GetAtt') return [String(toArray(inner)[0])];
    if (key === 'Fn::ImportValue')
      return [/ExportsOutput(?:Ref|FnGetAtt)(\w+?[0-9A-F]{8})/.exec(String(inner))?.[1] ?? ''];
    return listReferences(inner);
  });
}

/** ARNs of all that somebody could want, by kind; with the names that calls and environments use. */
export async function listAttackTargets(
  cloud: Cloud,
  { all: targets, functions }: Awaited<ReturnType<typeof readDeployedStacks>>,
) {
  const arn = (service: string, rest: string) => `arn:aws:${service}:${cloud.region}:${cloud.account}:${rest}`;
  const resourcesOf = (type: string, service: string, prefix: string) =>
    targets(type).map(name => ({ name, arn: arn(service, `${prefix}${name.split('/').at(-1)}`) }));
  const { SecretList = [] } = await new SecretsManagerClient(cloud.configuration).send(new ListSecretsCommand({}));
  return {
    bucket: targets('AWS::S3::Bucket').map(name => ({ name, arn: `arn:aws:s3:::${name}` })),
    table: resourcesOf('AWS::DynamoDB::GlobalTable', 'dynamodb', 'table/'),
    key: resourcesOf('AWS::KMS::Key', 'kms', 'key/'),
    queue: resourcesOf('AWS::SQS::Queue', 'sqs', ''),
    bus: resourcesOf('AWS::Events::EventBus', 'events', 'event-bus/'),
    secret: SecretList.map(({ Name = '', ARN = '' }) => ({ name: Name, arn: ARN })),
    machine: targets('AWS::StepFunctions::StateMachine').map(arn => ({ name: arn, arn })),
    role: targets('AWS::IAM::Role').map(name => ({ name, arn: `arn:aws:iam::${cloud.account}:role/${name}` })),
    function: functions.map(({ name, arn }) => ({ name, arn })),
  };
}

/** Runs `each` on every item, so many at a time. */
export async function runInParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>) {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
