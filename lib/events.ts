import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { OUTBOX_PREFIX } from '../functions/events/outbox.ts';
import type * as Publish from '../functions/events/publish.lambda.ts';
import { busAccess } from './access.ts';
import { alarm } from './alarm.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';

/** Publishes the events that capabilities store with their changes. It alone may put events on the bus. */
export class Events extends Construct {
  constructor(scope: Construct, id: string, { core }: { core: Core }) {
    super(scope, id);
    const publish = new Handler<typeof Publish>(this, 'Publish', {
      core,
      entry: 'events/publish.lambda.ts',
      environment: { BUS_NAME: busAccess(core.bus) },
    });
    core.onTableInsert(this, 'Outbox', publish, OUTBOX_PREFIX);
    alarm(publish, 'Late', {
      topic: core.alarms,
      severity: 'critical',
      // The function does not throw: it returns the row that failed, and Lambda calls it again from that row.
      metric: publish.fn.metric('IteratorAge', { period: Duration.minutes(5), statistic: 'Maximum' }),
      threshold: Duration.minutes(15).toMilliseconds(),
      means: 'Events are published more than 15 minutes late.',
      check: 'The log group of functions/events/publish.lambda.ts for level ERROR: it names the row.',
      do: 'Correct the cause within six hours. Until then the function retries the rows by itself. In the meantime, the files of withdrawn and revoked imports stay in their projects.',
    });
  }
}
