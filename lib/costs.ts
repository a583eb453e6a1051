import { Duration, RemovalPolicy, Stack, TimeZone, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Schedule, ScheduleExpression, ScheduleTargetInput, TimeWindow } from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import { type CfnSecret, type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type * as ApiLambda from '../functions/costs/api.lambda.ts';
import type * as Collect from '../functions/costs/collect.lambda.ts';
import type * as Fail from '../functions/costs/fail.lambda.ts';
import type * as Send from '../functions/costs/send.lambda.ts';
import { accessTo, groupsAccess, secretAccess, startAccess, tableAccess } from './access.ts';
import { alarm } from './alarm.ts';
import type { Api, People } from './api.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { keyUseStatement } from './key-use.ts';
import { Workflow } from './workflow.ts';

/** The secret with the address of the team's webhook. Anyone who knows the address can post. It is kept on deletion. */
export class CostsData extends Construct {
  readonly webhook: ISecret;

  constructor(scope: Construct, id: string, { core }: { core: Core }) {
    super(scope, id);
    const webhook = new Secret(this, 'Webhook', {
      description:
        'The address of the Teams workflow that posts the daily cost card. Set it by hand; empty means none.',
      encryptionKey: core.key,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    // No generated value: a secret without a value means no address, and a deployment never overwrites the address.
    (webhook.node.defaultChild as CfnSecret).generateSecretString = undefined;
    this.webhook = webhook;
    const reason = 'Teams gives the address when the workflow is made; nothing can be rotated without a person.';
    Validations.of(webhook).acknowledge(
      { id: 'AwsSolutions-SMG4', reason },
      { id: 'NIST.800.53.R5-SecretsManagerRotationEnabled', reason },
    );
  }
}

export interface CostsProps {
  readonly core: Core;
  readonly data: CostsData;
  readonly people: People;
  readonly api: Api;
}

/** Sends the daily cost card to the team's channel. */
export class Costs extends Construct {
  readonly workflow: Workflow;

  constructor(scope: Construct, id: string, { core, data, people, api }: CostsProps) {
    super(scope, id);
    const { tag, hour, timezone, webhookHosts } = core.config.costs;
    const report = { reports: ['GetItem', 'PutItem'] } as const;
    this.workflow = new Workflow(this, 'Report', {
      core,
      file: 'costs.asl.json',
      calls: {
        Collect: new Handler<typeof Collect>(this, 'Collect', {
          core,
          entry: 'costs/collect.lambda.ts',
          environment: {
            TABLE_NAME: tableAccess(core.table, report),
            // Cost Explorer has no resource-level permissions: the bill belongs to the account or the organisation.
            COST_TAG: accessTo(tag, new PolicyStatement({ actions: ['ce:GetCostAndUsage'], resources: ['*'] })),
          },
          seconds: 60,
        }),
        Send: new Handler<typeof Send>(this, 'Send', {
          core,
          entry: 'costs/send.lambda.ts',
          environment: {
            TABLE_NAME: tableAccess(core.table, report),
            WEBHOOK_SECRET: secretAccess(data.webhook),
            WEBHOOK_HOSTS: webhookHosts.join(),
          },
        }),
        Fail: new Handler<typeof Fail>(this, 'Fail', {
          core,
          entry: 'costs/fail.lambda.ts',
          environment: { TABLE_NAME: tableAccess(core.table, report) },
        }),
      },
      // Five hours for a late bill, five for an unreachable webhook, and time to work; it ends long before the next run.
      deadline: Duration.hours(12),
      severity: 'warning',
    });
    const handler = new Handler<typeof ApiLambda>(this, 'Api', {
      core,
      entry: 'costs/api.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          reports: ['GetItem', 'Query'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        MACHINE_ARN: startAccess(this.workflow.machine),
        POOL_ID: groupsAccess(people.pool),
      },
    });
    api.addRoutes(this, 'costs', handler);
    this.daily(core, { hour, timezone });
  }

  private daily(core: Core, { hour, timezone }: { hour: number; timezone: string }) {
    const queue = new Queue(this, 'Unstarted', {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: core.key,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const { account } = Stack.of(this);
    const scheduler = new ServicePrincipal('scheduler.amazonaws.com');
    const role = new Role(this, 'Starter', {
      assumedBy: scheduler.withConditions({ StringEquals: { 'aws:SourceAccount': account } }),
    });
    // The target grants sending to the queue, but not the use of its key.
    role.addToPolicy(keyUseStatement(this, 'sqs', ['kms:Decrypt', 'kms:GenerateDataKey'], [core.key.keyArn]));
    new Schedule(this, 'Daily', {
      description: 'Starts the report of the day before',
      schedule: ScheduleExpression.cron({ minute: '0', hour: `${hour}`, timeZone: TimeZone.of(timezone) }),
      timeWindow: TimeWindow.off(),
      target: new StepFunctionsStartExecution(this.workflow.machine, {
        role,
        // Without an input, EventBridge Scheduler sends its own default event.
        input: ScheduleTargetInput.fromObject({}),
        deadLetterQueue: queue,
        retryAttempts: 10,
        maxEventAge: Duration.hours(6),
      }),
    });
    Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason: 'This is a dead-letter queue.' });
    Validations.of(role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'A role of one schedule: its policy belongs to nothing else.',
    });
    alarm(this, 'Unstarted', {
      topic: core.alarms,
      severity: 'warning',
      metric: queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5) }),
      means: 'EventBridge Scheduler tried for six hours to start the daily cost report, and failed.',
      check: 'The message in the queue: its attributes hold the error.',
      do: 'Correct the cause, run `broch cost report`, then delete the message.',
    });
  }
}
