import { Duration } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import { DeliveryOverdue } from '../functions/ingest/events.ts';
import type * as Overdue from '../functions/ingest/overdue.lambda.ts';
import { tableAccess } from './access.ts';
import { alarmTopicTarget } from './alarm.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { ScheduledCheck } from './scheduled-check.ts';

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
    new Rule(this, 'Rule', {
      description: 'A delivery is overdue',
      eventBus: core.bus,
      eventPattern: { source: [DeliveryOverdue.source], detailType: [DeliveryOverdue.type] },
      // The mail contains the event, which names the partner, their contact and the dataset.
      targets: [alarmTopicTarget(core.alarms)],
    });
    new ScheduledCheck(this, 'Daily', {
      core,
      check: overdue,
      every: Duration.days(1),
      description: 'Looks for overdue deliveries',
      consequence: 'Nobody hears of deliveries that do not come.',
    });
  }
}
