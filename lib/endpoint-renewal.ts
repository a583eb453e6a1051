import { Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type * as EndpointsLost from '../functions/batch/endpoints-lost.lambda.ts';
import { StackStatusChanged } from '../functions/batch/events.ts';
import { environmentName } from '../functions/names.ts';
import { accessTo, tableAccess } from './access.ts';
import { type AwakeProjects, describesNetworks } from './awake.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';

export interface EndpointRenewalProps {
  readonly core: Core;
  readonly awake: AwakeProjects;
}

/** Requests the endpoints of projects again whose stack failed while jobs wait for them. */
export class EndpointRenewal extends Construct {
  constructor(scope: Construct, id: string, { core, awake }: EndpointRenewalProps) {
    super(scope, id);
    const { environment } = core.config;
    const { partition, region, account } = Stack.of(this);
    const renewal = new Handler<typeof EndpointsLost>(this, 'EndpointsLost', {
      core,
      entry: 'batch/endpoints-lost.lambda.ts',
      // It may wait for a project that falls asleep.
      seconds: 300,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          job: ['GetItem'],
          project: ['GetItem'],
          awake: ['GetItem', 'PutItem'],
        }),
        ...awake.wakes(),
        ENVIRONMENT: accessTo(environment, describesNetworks()),
      },
    });
    const stacks = `arn:${partition}:cloudformation:${region}:${account}:stack/${environmentName(environment, 'awake-')}`;
    core.onEvent(this, 'StackGone', StackStatusChanged, renewal, 'warning', {
      detail: {
        'stack-id': [{ prefix: stacks }],
        'status-details': {
          status: ['DELETE_COMPLETE', 'CREATE_FAILED', 'ROLLBACK_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE'],
        },
      },
    });
  }
}
