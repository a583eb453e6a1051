import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type * as ApiLambda from '../functions/enclaves/api.lambda.ts';
import type * as Lapse from '../functions/enclaves/lapse.lambda.ts';
import { groupsAccess, startAccess, tableAccess } from './access.ts';
import type { Api, People } from './api.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { Workflow } from './workflow.ts';

export interface EnclavesProps {
  readonly core: Core;
  readonly people: People;
  readonly api: Api;
}

/** Lets two parties decide about a run of confidential code on confidential data, and holds them to their deadlines. */
export class Enclaves extends Construct {
  constructor(scope: Construct, id: string, { core, people, api }: EnclavesProps) {
    super(scope, id);
    const lapse = new Handler<typeof Lapse>(this, 'Lapse', {
      core,
      entry: 'enclaves/lapse.lambda.ts',
      environment: { TABLE_NAME: tableAccess(core.table, { enclave: ['GetItem', 'PutItem'] }) },
    });
    const workflow = new Workflow(this, 'Workflow', {
      core,
      file: 'enclaves.asl.json',
      calls: { Lapse: lapse },
      // The longest deadline of a party is 30 days.
      deadline: Duration.days(31),
      severity: 'warning',
    });
    const handler = new Handler<typeof ApiLambda>(this, 'Api', {
      core,
      entry: 'enclaves/api.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          enclave: ['GetItem', 'PutItem', 'Query'],
          terms: ['GetItem'],
          project: ['GetItem'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        MACHINE: startAccess(workflow.machine),
        POOL_ID: groupsAccess(people.pool),
      },
    });
    api.addRoutes(this, 'enclaves', handler);
  }
}
