import { Construct } from 'constructs';
import { OUTBOX_PREFIX } from '../functions/events/outbox.ts';
import type * as Publish from '../functions/events/publish.lambda.ts';
import { busAccess } from './access.ts';
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
  }
}
