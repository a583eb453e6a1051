import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Schedule, ScheduleExpression, ScheduleTargetInput, TimeWindow } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Construct } from 'constructs';
import type { Handler, HandlerModule } from './handler.ts';
import { explainWildcards } from './nag-wildcards.ts';

export interface RegularCall {
  readonly target: Handler<HandlerModule>;
  readonly description: string;
  readonly every: Duration;
  /** By how much a call may be late, so that not all calls come at the same moment; left out: a quarter of an hour. */
  readonly latitude?: Duration;
}

/** Calls a function regularly. The next run does the work of a missed one, so no dead-letter queue is needed. */
export function callRegularly(
  scope: Construct,
  id: string,
  { target, description, every, latitude = Duration.minutes(15) }: RegularCall,
): void {
  const role = new Role(scope, 'Starter', {
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com').withConditions({
      StringEquals: { 'aws:SourceAccount': Stack.of(scope).account },
    }),
  });
  new Schedule(scope, id, {
    description,
    schedule: ScheduleExpression.rate(every),
    timeWindow: latitude.toMinutes() === 0 ? TimeWindow.off() : TimeWindow.flexible(latitude),
    target: new LambdaInvoke(target.fn, {
      role,
      input: ScheduleTargetInput.fromObject({}),
      retryAttempts: 2,
      maxEventAge: Duration.minutes(30),
    }),
  });
  const invocation = new PolicyStatement({
    actions: ['lambda:InvokeFunction'],
    resources: [`${target.fn.functionArn}:*`],
  });
  explainWildcards(role, [invocation], 'Versions of the one function that this schedule calls.');
  Validations.of(role).acknowledge({
    id: 'NIST.800.53.R5-IAMNoInlinePolicy',
    reason: 'A role of one schedule: its policy belongs to nothing else.',
  });
}
