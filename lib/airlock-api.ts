import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type * as ApiLambda from '../functions/airlock/api.lambda.ts';
import type * as Download from '../functions/airlock/download.lambda.ts';
import type * as View from '../functions/airlock/view.lambda.ts';
import {
  accessTo,
  assumeRoleAccess,
  bucketAccess,
  combinedAccess,
  groupsAccess,
  startAccess,
  tableAccess,
  userPoolAccess,
} from './access.ts';
import type { AirlockData } from './airlock-data.ts';
import type { Api, People } from './api.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { createUploadRole, uploadStatements } from './upload-role.ts';

export interface AirlockApiProps {
  readonly core: Core;
  readonly data: AirlockData;
  readonly people: People;
  readonly api: Api;
  /** The workflows that the API starts. */
  readonly check: StateMachine;
  readonly release: StateMachine;
}

/** The airlock's API: three functions with separate permissions. */
export class AirlockApi extends Construct {
  constructor(scope: Construct, id: string, { core, data, people, api, check, release }: AirlockApiProps) {
    super(scope, id);
    const RULES = JSON.stringify(core.config.airlock);
    const reads = bucketAccess(data.airlock, ['read'], 'requests/');
    const handlers: { airlock?: Handler<typeof ApiLambda> } = {};
    const uploader = createUploadRole(this, 'Upload', {
      description: 'Lent to researchers for ten minutes, limited to the files of one import',
      statements: uploadStatements(this, data.uploads, 'uploads/'),
      caller: () => handlers.airlock,
    });
    // It unpacks and redraws untrusted files, so it can only read and record who viewed them. Reviewers wait for it.
    const preview = new Handler<typeof View>(this, 'View', {
      core,
      entry: 'airlock/view.lambda.ts',
      memory: 1769,
      environment: {
        // It reads untrusted files, so it can change nothing; it can only record who viewed them.
        TABLE_NAME: tableAccess(core.table, { airlock: ['GetItem'], look: ['PutItem'], project: ['GetItem'] }),
        AIRLOCK_BUCKET: reads,
        POOL_ID: groupsAccess(people.pool),
        RULES,
      },
    });
    // Every downloaded byte passes through this function. An answer has 4 MiB, or 5.6 MB in base64, held in memory twice.
    const download = new Handler<typeof Download>(this, 'Download', {
      core,
      entry: 'airlock/download.lambda.ts',
      memory: 1024,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          airlock: ['GetItem'],
          download: ['GetItem', 'PutItem', 'UpdateItem'],
          look: ['PutItem'],
          project: ['GetItem'],
        }),
        RELEASE_BUCKET: bucketAccess(data.release, ['read'], 'released/'),
        POOL_ID: groupsAccess(people.pool),
        RULES,
      },
    });
    handlers.airlock = new Handler<typeof ApiLambda>(this, 'Api', {
      core,
      entry: 'airlock/api.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          airlock: ['GetItem', 'PutItem', 'Query'],
          airlocks: ['GetItem', 'PutItem', 'DeleteItem', 'Query'],
          due: ['PutItem', 'DeleteItem'],
          project: ['GetItem'],
          use: ['GetItem'],
          download: ['GetItem', 'PutItem'],
          look: ['PutItem', 'Query'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        AIRLOCK_BUCKET: reads,
        UPLOADS_BUCKET: data.uploads.bucketName,
        UPLOADS_KEY_ARN: core.key.keyArn,
        UPLOAD_ROLE_ARN: assumeRoleAccess(uploader),
        REGION: Stack.of(this).region,
        POOL_ID: combinedAccess(groupsAccess(people.pool), userPoolAccess(people.pool, ['ListUsersInGroup'])),
        MACHINE: accessTo(
          check.stateMachineArn,
          ...startAccess(check).statements,
          new PolicyStatement({
            actions: ['states:SendTaskSuccess'],
            resources: [check.stateMachineArn],
          }),
        ),
        RELEASE_MACHINE: startAccess(release),
        SIGNING_KEY: accessTo(data.signing.keyArn, publicKeyStatement(data.signing)),
        RULES,
      },
    });
    api.addRoutes(this, 'airlock', handlers.airlock);
    api.addRoutes(this, 'preview', preview);
    api.addRoutes(this, 'download', download);
  }
}

export const publicKeyStatement = (key: Key) =>
  new PolicyStatement({ actions: ['kms:GetPublicKey'], resources: [key.keyArn] });
