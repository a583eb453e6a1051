import { Template } from 'aws-cdk-lib/assertions';
import { uploadPolicy } from '../../functions/storage/upload-access.ts';
import { readConfig } from '../../lib/config.ts';
import { buildNetworkTemplate } from '../../lib/projects.ts';
import { synthesiseApp, type TemplateResource } from '../template.ts';

export interface PolicyStatementJson {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: unknown;
  readonly Action: string | string[];
  readonly Resource?: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

/** A policy of any kind: an identity's, a resource's, a key's, a boundary, an endpoint's, a session's or who may become a role. */
export interface FoundPolicy {
  /** The template and the resource in it. */
  readonly place: string;
  readonly type: string;
  readonly statements: readonly PolicyStatementJson[];
  /** A value of the policy as one text, with `*` for what only AWS knows. */
  readonly resolve: (value: unknown) => string;
}

interface CloudTemplate {
  readonly Resources: Record<string, TemplateResource>;
  readonly Outputs?: Record<string, { readonly Value: unknown; readonly Export?: { readonly Name: string } }>;
}

const production = readConfig('config/production.json');
const asJson = (template: Template) => template.toJSON() as CloudTemplate;

/** Every template that is ever deployed, by name: the stacks' and that of projects' networks. */
const deployedTemplates: Readonly<Record<string, CloudTemplate>> = {
  ...Object.fromEntries(
    Object.entries(synthesiseApp().stacks).map(([name, stack]) => [name, asJson(Template.fromStack(stack))]),
  ),
  network: asJson(Template.fromStack(buildNetworkTemplate(production).template)),
};

const exported = new Map(
  Object.entries(deployedTemplates).flatMap(([name, { Outputs = {} }]) =>
    Object.values(Outputs).flatMap(({ Value, Export }) => (Export ? [[Export.Name, { name, Value }] as const] : [])),
  ),
);

const scope = 'aws:eu-west-2:111122223333';
const [partition, region, account] = scope.split(':') as [string, string, string];
const pseudo: Record<string, string> = {
  'AWS::Partition': partition,
  'AWS::Region': region,
  'AWS::AccountId': account,
  'AWS::URLSuffix': 'amazonaws.com',
};

/** What `Ref` or `Arn` give for a resource type, where that is an ARN. */
const arns: Record<string, { Ref?: string; Arn?: string; StreamArn?: string }> = {
  'AWS::Cognito::UserPool': { Arn: 'cognito-idp:H:userpool/*' },
  'AWS::DynamoDB::GlobalTable': { Arn: 'dynamodb:H:table/*', StreamArn: 'dynamodb:H:table/*/stream/*' },
  'AWS::Events::EventBus': { Arn: 'events:H:event-bus/*' },
  'AWS::Events::Rule': { Arn: 'events:H:rule/*' },
  'AWS::IAM::ManagedPolicy': { Ref: 'iam::A:policy/*' },
  'AWS::IAM::Role': { Arn: 'iam::A:role/*' },
  'AWS::KMS::Key': { Arn: 'kms:H:key/*' },
  'AWS::Lambda::Function': { Arn: 'lambda:H:function:*' },
  'AWS::Logs::LogGroup': { Arn: 'logs:H:log-group:*:*' },
  'AWS::S3::Bucket': { Arn: 's3:::bucket' },
  'AWS::SNS::Topic': { Ref: 'sns:H:*' },
  'AWS::SQS::Queue': { Arn: 'sqs:H:*' },
  'AWS::SecretsManager::Secret': { Ref: 'secretsmanager:H:secret:*' },
  'AWS::StepFunctions::StateMachine': { Ref: 'states:H:stateMachine:*', Arn: 'states:H:stateMachine:*' },
};

function resolveIn(template: CloudTemplate, value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const [[name, inner] = ['', undefined]] = Object.entries(value) as [string, unknown][];
  const resource = (id: string, attribute: 'Ref' | 'Arn' | 'StreamArn') => {
    const arn = arns[template.Resources[id]?.Type ?? '']?.[attribute];
    return arn === undefined
      ? '*'
      : `arn:${partition}:${arn.replace('H', `${region}:${account}`).replace('A', account)}`;
  };
  if (name === 'Ref') return pseudo[String(inner)] ?? resource(String(inner), 'Ref');
  if (name === 'Fn::GetAtt') {
    const [id = '', attribute] = inner as string[];
    return attribute === 'Arn' || attribute === 'StreamArn' ? resource(id, attribute) : '*';
  }
  if (name === 'Fn::Join') {
    const [separator, parts] = inner as [string, unknown[]];
    return parts.map(part => resolveIn(template, part)).join(separator);
  }
  if (name === 'Fn::ImportValue') {
    const output = exported.get(String(inner));
    if (!output) throw new Error(`nothing exports ${String(inner)}`);
    return resolveIn(deployedTemplates[output.name] as CloudTemplate, output.Value);
  }
  return '*';
}

const isStatement = (value: unknown): value is PolicyStatementJson =>
  typeof value === 'object' && value !== null && 'Effect' in value && 'Action' in value;

function findIn(template: CloudTemplate, place: string, type: string, value: unknown): FoundPolicy[] {
  if (typeof value !== 'object' || value === null) return [];
  const { Statement } = value as { Statement?: unknown };
  const statements = [Statement].flat();
  if (type === 'AWS::Lambda::Permission')
    return [
      { place, type, statements: [{ Effect: 'Allow', Action: String(Reflect.get(value, 'Action')) }], resolve: String },
    ];
  if (Statement !== undefined && statements.every(isStatement))
    return [{ place, type, statements, resolve: value => resolveIn(template, value) }];
  return Object.values(value).flatMap(inner => findIn(template, place, type, inner));
}

/** What a session of an upload may do at most, which is written at run time. */
const session = JSON.parse(
  uploadPolicy({
    bucket: 'bucket',
    prefix: 'prefix/',
    key: `arn:${partition}:kms:${region}:${account}:key/1`,
    region,
    end: '2026-11-01T09:10:00.000Z',
  }),
) as { Statement: PolicyStatementJson[] };

/** Every policy that is deployed, and the one that is made at run time. */
export const deployedPolicies: readonly FoundPolicy[] = [
  ...Object.entries(deployedTemplates).flatMap(([name, template]) =>
    Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) =>
      findIn(template, `${name}/${id}`, Type, Properties),
    ),
  ),
  { place: 'upload session', type: 'session', statements: session.Statement, resolve: String },
];
