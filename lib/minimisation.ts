import { Duration } from 'aws-cdk-lib';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { UseApproved } from '../functions/datasets/events.ts';
import type * as Fail from '../functions/datasets/minimise-fail.lambda.ts';
import type * as Plan from '../functions/datasets/minimise-plan.lambda.ts';
import type * as Publish from '../functions/datasets/minimise-publish.lambda.ts';
import type * as Seal from '../functions/datasets/minimise-seal.lambda.ts';
import type * as Start from '../functions/datasets/minimise-start.lambda.ts';
import type * as Minimise from '../functions/datasets/minimise-table.lambda.ts';
import { bucketAccess, keyAccess, startAccess, tableAccess } from './access.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { Workflow } from './workflow.ts';

/** The number of chunks of one version that are minimised at the same time. */
const CONCURRENCY = 10;

export interface DatasetMinimisationProps {
  readonly core: Core;
  readonly lake: Bucket;
  readonly work: Bucket;
}

/** Makes the minimised version for a use with a recipe. Only one function can decrypt the linkage keys of projects. */
export class DatasetMinimisation extends Construct {
  constructor(scope: Construct, id: string, { core, lake, work }: DatasetMinimisationProps) {
    super(scope, id);
    const plan = new Handler<typeof Plan>(this, 'Plan', {
      core,
      entry: 'datasets/minimise-plan.lambda.ts',
      seconds: 300,
      environment: {
        TABLE_NAME: tableAccess(core.table, { use: ['GetItem'], terms: ['GetItem'] }),
        LAKE_BUCKET: bucketAccess(lake, ['versions'], 'datasets/'),
        LISTS_BUCKET: bucketAccess(lake, ['read'], 'manifests/'),
        WORK_BUCKET: bucketAccess(work, ['write'], 'minimisation/'),
      },
    });
    const minimise = new Handler<typeof Minimise>(this, 'Minimise', {
      core,
      entry: 'datasets/minimise-table.lambda.ts',
      seconds: 900,
      memory: 1769,
      environment: {
        TABLE_NAME: tableAccess(core.table, { linkage: ['GetItem', 'PutItem'], use: ['GetItem'] }),
        LAKE_BUCKET: bucketAccess(lake, ['read', 'write', 'parts'], 'datasets/'),
        WORK_BUCKET: bucketAccess(work, ['read', 'write'], 'minimisation/'),
        LINKAGE_KEY: keyAccess(core.key, ['GenerateDataKeyWithoutPlaintext', 'Decrypt'], 'linkage'),
      },
    });
    const seal = new Handler<typeof Seal>(this, 'Seal', {
      core,
      entry: 'datasets/minimise-seal.lambda.ts',
      seconds: 120,
      environment: {
        TABLE_NAME: tableAccess(core.table, { use: ['GetItem'] }),
        WORK_BUCKET: bucketAccess(work, ['read', 'write'], 'minimisation/'),
      },
    });
    const useChange = { use: ['GetItem', 'PutItem'], datasetUses: ['PutItem', 'DeleteItem'] } as const;
    const publish = new Handler<typeof Publish>(this, 'Publish', {
      core,
      entry: 'datasets/minimise-publish.lambda.ts',
      seconds: 120,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          ...useChange,
          terms: ['GetItem'],
          dataset: ['Query'],
          project: ['GetItem'],
        }),
        LAKE_BUCKET: bucketAccess(lake, ['write'], 'datasets/'),
        LISTS_BUCKET: bucketAccess(lake, ['write'], 'manifests/'),
        WORK_BUCKET: bucketAccess(work, ['read'], 'minimisation/'),
      },
    });
    const fail = new Handler<typeof Fail>(this, 'Fail', {
      core,
      entry: 'datasets/minimise-fail.lambda.ts',
      environment: { TABLE_NAME: tableAccess(core.table, useChange) },
    });
    const { machine } = new Workflow(this, 'Workflow', {
      core,
      file: 'datasets-minimise.asl.json',
      calls: { Plan: plan, Minimise: minimise, Seal: seal, Publish: publish, Fail: fail },
      values: { Concurrency: CONCURRENCY },
      deadline: Duration.hours(24),
      severity: 'warning',
      remedy: 'Then tell the project to request the dataset again, because its use has ended.',
    });
    const start = new Handler<typeof Start>(this, 'Start', {
      core,
      entry: 'datasets/minimise-start.lambda.ts',
      environment: { MACHINE: startAccess(machine) },
    });
    core.onEvent(this, 'Approved', UseApproved, start, 'warning', { detail: { recipe: [{ exists: true }] } });
  }
}
