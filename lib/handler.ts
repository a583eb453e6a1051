import { Duration, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  Function as Lambda,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type * as z from 'zod';
import type { Access } from './access.ts';
import { bundle } from './bundle.ts';
import type { Core } from './core.ts';
import { explainWildcards } from './nag-wildcards.ts';

/** The exports of a handler file. */
export interface HandlerModule {
  readonly env: z.ZodObject;
  readonly handler: unknown;
}

export interface HandlerProps<M extends HandlerModule> {
  readonly core: Core;
  /** The handler file, as a path below functions/. */
  readonly entry: `${string}/${string}.ts`;
  /** Exactly the variables that the file's `env` parses. They also define the permissions of the function. */
  readonly environment: { readonly [K in keyof z.input<M['env']>]: string | Access };
  readonly seconds?: number;
  readonly memory?: number;
}

/**
 * A Lambda function typed by its handler file (`new Handler<typeof Plan>`), with its own role. Its caller raises the alarm
 * for a failure: a failed execution, an undelivered event or a 5xx of the API.
 */
export class Handler<M extends HandlerModule> extends Construct {
  readonly fn: Lambda;

  constructor(scope: Construct, id: string, { core, entry, environment, seconds = 30, memory = 512 }: HandlerProps<M>) {
    super(scope, id);
    const values: [string, string | Access][] = Object.entries(environment);
    const { folder, hash } = bundle(entry);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const logGroup = core.logGroup(this);
    this.fn = new Lambda(this, 'Function', {
      description: `functions/${entry}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(folder, { assetHash: hash }),
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      systemLogLevelV2: SystemLogLevel.WARN,
      tracing: Tracing.ACTIVE,
      timeout: Duration.seconds(seconds),
      memorySize: memory,
      environment: {
        POWERTOOLS_SERVICE_NAME: entry.split('/')[0] ?? '',
        ...Object.fromEntries(values.map(([name, value]) => [name, typeof value === 'string' ? value : value.value])),
      },
    });
    const statements = [
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
      ...values.flatMap(([, value]) => (typeof value === 'string' ? [] : value.statements)),
    ];
    for (const statement of statements) role.addToPolicy(statement);
    explainWildcards(this, statements, 'It ends a prefix of keys or names that only this function needs.');
    Validations.of(this).acknowledge(
      { id: 'AwsSolutions-IAM5[Resource::*]', reason: 'X-Ray has no resource to name.' },
      {
        id: 'NIST.800.53.R5-IAMNoInlinePolicy',
        reason: 'A role of one function: its policy belongs to nothing else, so a shared one would only widen it.',
      },
      {
        id: 'NIST.800.53.R5-LambdaInsideVPC',
        reason:
          'Calls AWS APIs only, under a role of its own; in a VPC it would need endpoints that cost more than all else idle.',
      },
      {
        id: 'NIST.800.53.R5-LambdaConcurrency',
        reason: 'Concurrency is bounded where work starts: Map states, the API throttle and EventBridge retries.',
      },
      {
        id: 'NIST.800.53.R5-LambdaDLQ',
        reason: 'Called synchronously, or by events: then Core.onEvent() gives it a queue for those it fails on.',
      },
    );
  }
}
