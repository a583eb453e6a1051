import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type * as Snapshots from '../functions/workspaces/snapshots.lambda.ts';
import { accessTo, groupsAccess, startAccess, tableAccess } from './access.ts';
import type { Api, People } from './api.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { keepsSnapshots } from './workspace-rights.ts';

export interface WorkspaceSnapshotsProps {
  readonly core: Core;
  readonly people: People;
  readonly api: Api;
  /** The workflow that starts workspaces, and the one that restores homes. */
  readonly launches: IStateMachine;
  readonly changes: IStateMachine;
}

/** The routes about snapshots of homes. */
export class WorkspaceSnapshots extends Construct {
  constructor(scope: Construct, id: string, { core, people, api, launches, changes }: WorkspaceSnapshotsProps) {
    super(scope, id);
    const { environment } = core.config;
    const handler = new Handler<typeof Snapshots>(this, 'Snapshots', {
      core,
      entry: 'workspaces/snapshots.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          workspace: ['GetItem', 'PutItem'],
          project: ['GetItem'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        ENVIRONMENT: accessTo(environment, ...keepsSnapshots(this, environment)),
        MACHINE_ARN: startAccess(launches),
        CHANGE_ARN: startAccess(changes),
        POOL_ID: groupsAccess(people.pool),
      },
    });
    api.addRoutes(this, 'snapshots', handler);
  }
}
