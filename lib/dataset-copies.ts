import { Construct } from 'constructs';
import type * as EndData from '../functions/batch/end-data.lambda.ts';
import { DatasetSuspended, UseEnded } from '../functions/datasets/events.ts';
import { tableAccess } from './access.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';

/** Stops the jobs that have copies of a dataset which their project may no longer read. */
export class DatasetCopies extends Construct {
  constructor(scope: Construct, id: string, { core }: { readonly core: Core }) {
    super(scope, id);
    const handler = new Handler<typeof EndData>(this, 'End', {
      core,
      entry: 'batch/end-data.lambda.ts',
      // It reads all jobs that the project ever had.
      seconds: 300,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          job: ['GetItem', 'PutItem', 'UpdateItem', 'Query'],
          use: ['GetItem'],
          datasetUses: ['Query'],
        }),
      },
    });
    core.onEvent(this, 'UseEnded', UseEnded, handler, 'critical');
    core.onEvent(this, 'Suspended', DatasetSuspended, handler, 'critical');
  }
}
