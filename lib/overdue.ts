import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Schedule, ScheduleExpression, ScheduleTargetInput, TimeWindow } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import { DeliveryOverdue } from '../functions/ingest/events.ts';
import type * as Overdue from '../functions/ingest/overdue.lambda.ts';
import { tableAccess } from './access.ts';
import { alarm, alarmTopicTarget } from './alarm.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { explainWildcards } from './nag-wildcards.ts';

/** Looks once a day for deliveries that did not come in time, and mails each once. */
export class OverdueDeliveries extends Construct {
  constructor(scope: Construct, id: string, { core }: { core: Core }) {
    super(scope, id);
    const overdue = new Handler<typeof Overdue>(this, 'Check', {
      core,
      entry: 'ingest/overdue.lambda.ts',
      seconds: 300,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          partners: ['GetItem', 'PutItem', 'Query'],
          dataset: ['GetItem'],
          datasets: ['Query'],
        }),
      },
    });
    // It needs its own alarm because a schedule calls it.
    alarm(overdue, 'Errors', {
      topic: core.alarms,
      severity: 'warning',
      metric: overdue.fn.metricErrors({ period: Duration.minutes(5) }),
      means: 'The daily search for overdue deliveries failed.',
      check: 'The log group of functions/ingest/overdue.lambda.ts for level ERROR.',
      do: 'Correct the cause. The next day announces what this run did not. `broch partner list` shows the agreements.',
    });
    new Rule(this, 'Rule', {
      description: 'A delivery is overdue',
      eventBus: core.bus,
      eventPattern: { source: [DeliveryOverdue.source], detailType: [DeliveryOverdue.type] },
      // The mail contains the event, which names the partner, their contact and the dataset.
      targets: [alarmTopicTarget(core.alarms)],
    });
    const role = new Role(this, 'Starter', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com').withConditions({
        StringEquals: { 'aws:SourceAccount': Stack.of(this).account },
      }),
    });
    // The next run does the work of a missed one, so no dead-letter queue is needed.
    new Schedule(this, 'Daily', {
      description: 'Looks for overdue deliveries',
      schedule: ScheduleExpression.rate(Duration.days(1)),
      timeWindow: TimeWindow.flexible(Duration.hours(1)),
      target: new LambdaInvoke(overdue.fn, {
        role,
        input: ScheduleTargetInput.fromObject({}),
        retryAttempts: 2,
        maxEventAge: Duration.hours(2),
      }),
    });
    const invocation = new PolicyStatement({
      actions: ['lambda:InvokeFunction'],
      resources: [`${overdue.fn.functionArn}:*`],
    });
    explainWildcards(role, [invocation], 'Versions of the one function that this schedule calls.');
    Validations.of(role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'A role of one schedule: its policy belongs to nothing else.',
    });
  }
}
