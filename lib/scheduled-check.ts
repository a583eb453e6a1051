import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { alarm } from './alarm.ts';
import type { Core } from './core.ts';
import type { Handler, HandlerModule } from './handler.ts';
import { callRegularly } from './schedule.ts';

export interface ScheduledCheckProps {
  readonly core: Core;
  readonly check: Handler<HandlerModule>;
  readonly every: Duration;
  /** What the check does, without a full stop. */
  readonly description: string;
  /** What follows while it fails, in a sentence. */
  readonly consequence: string;
}

/** Calls a function regularly and raises an alarm while it fails. */
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
    callRegularly(this, 'Schedule', { target: check, description, every, latitude: Duration.minutes(0) });
  }
}
