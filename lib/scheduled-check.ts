import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import { alarm } from './alarm.ts';
import type { Core } from './core.ts';
import type { Handler, HandlerModule } from './handler.ts';
import { explainWildcards } from './nag-wildcards.ts';

export interface ScheduledCheckProps {
  readonly core: Core;
  readonly check: Handler<HandlerModule>;
  readonly every: Duration;
  /** What the check does, without a full stop. */
  readonly description: string;
  /** What follows while it fails, in a sentence. */
  readonly consequence: string;
}

/** Calls a function again and again. The next call does the work of a missed one, so no dead-letter queue is needed. */
export class ScheduledCheck extends Construct {
  constructor(scope: Construct, id: string, { core, check, every, description, consequence }: ScheduledCheckProps) {
    super(scope, id);
    // It needs its own alarm because a schedule calls it.
    alarm(this, 'Errors', {
      topic: core.alarms,
      severity: 'warning',
      metric: check.fn.metricErrors({ period: Duration.minutes(5) }),
      means: `A scheduled function fails: ${description}. ${consequence}`,
      check: `The log group of the function (its description: ${description.toLowerCase()}) for level ERROR.`,
      do: 'Correct the cause. The next call does what this one did not.',
    });
    const role = new Role(this, 'Starter', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com').withConditions({
        StringEquals: { 'aws:SourceAccount': Stack.of(this).account },
      }),
    });
    new Schedule(this, 'Schedule', {
      description,
      schedule: ScheduleExpression.rate(every),
      target: new LambdaInvoke(check.fn, {
        role,
        input: ScheduleTargetInput.fromObject({}),
        retryAttempts: 2,
        maxEventAge: Duration.minutes(30),
      }),
    });
    const invocation = new PolicyStatement({
      actions: ['lambda:InvokeFunction'],
      resources: [`${check.fn.functionArn}:*`],
    });
    explainWildcards(role, [invocation], 'Versions of the one function that this schedule calls.');
    Validations.of(role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'A role of one schedule: its policy belongs to nothing else.',
    });
  }
}
