import { Duration, Stack } from 'aws-cdk-lib';
import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { QueueClosed, QueueOpened } from '../functions/batch/events.ts';
import type * as ApiLambda from '../functions/datasets/api.lambda.ts';
import type * as Apply from '../functions/datasets/apply.lambda.ts';
import type * as Describe from '../functions/datasets/describe.lambda.ts';
import type * as EndUses from '../functions/datasets/end-uses.lambda.ts';
import type * as Erase from '../functions/datasets/erase.lambda.ts';
import {
  DatasetGoverned,
  DatasetResumed,
  DatasetSuspended,
  UseApproved,
  UseEnded,
  UseMinimised,
} from '../functions/datasets/events.ts';
import type * as Owners from '../functions/datasets/owners.lambda.ts';
import { LAKE_LOG_PREFIX } from '../functions/datasets/read-access-log.ts';
import { RECEIPT_ALGORITHM } from '../functions/datasets/receipt.ts';
import type * as Remind from '../functions/datasets/remind.lambda.ts';
import { DatasetRegistered } from '../functions/ingest/events.ts';
import { accessTo, bucketAccess, combinedAccess, groupsAccess, startAccess, tableAccess } from './access.ts';
import type { Api, People } from './api.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { DatasetMinimisation } from './minimisation.ts';
import { accessPointPrefix, bucketPrefix } from './project/names.ts';
import { datasetListStatements } from './project-bucket-grants.ts';
import { ScheduledCheck } from './scheduled-check.ts';
import { Workflow } from './workflow.ts';

/**
 * Lets the lake's access points decide who reads datasets. Each project has one, with a policy of its own, so no policy
 * grows with the number of projects. S3 asks both policies, so these statements alone allow nothing:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html#access-points-delegating-control
 */
export function delegateToAccessPoints(lake: Bucket): void {
  const { account } = Stack.of(lake);
  const delegate = (sid: string, action: string, resource: string) =>
    lake.addToResourcePolicy(
      new PolicyStatement({
        sid,
        principals: [new AnyPrincipal()],
        actions: [action],
        resources: [resource],
        conditions: { StringEquals: { 's3:DataAccessPointAccount': account } },
      }),
    );
  delegate('ReadByAccessPoints', 's3:GetObject', lake.arnForObjects('datasets/*'));
  delegate('ListByAccessPoints', 's3:ListBucket', lake.bucketArn);
}

export interface DatasetsProps {
  readonly core: Core;
  readonly lake: Bucket;
  /** The bucket for data that the steps of a workflow exchange. */
  readonly work: Bucket;
  /** Signs the receipts of deleted datasets: the key that signs releases, so that people trust one key only. */
  readonly signing: Key;
  readonly people: People;
  readonly api: Api;
}

/** Gives projects datasets for a purpose and a time, by their owners' decisions, and takes them away again. */
export class Datasets extends Construct {
  constructor(scope: Construct, id: string, { core, lake, work, signing, people, api }: DatasetsProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const { environment } = core.config;
    const [points, buckets] = [accessPointPrefix(environment, stack), bucketPrefix(environment, stack.account)];
    const apply = new Handler<typeof Apply>(this, 'Apply', {
      core,
      entry: 'datasets/apply.lambda.ts',
      seconds: 300,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          use: ['GetItem', 'PutItem'],
          datasetUses: ['PutItem', 'DeleteItem', 'Query'],
          terms: ['GetItem'],
          project: ['GetItem'],
          queue: ['GetItem'],
        }),
        ACCOUNT: stack.account,
        ACCESS_POINTS: accessTo(
          points,
          new PolicyStatement({
            actions: ['s3:PutAccessPointPolicy', 's3:DeleteAccessPointPolicy'],
            resources: [`${points}*`],
          }),
        ),
        BUCKETS: accessTo(buckets, ...datasetListStatements(buckets, stack)),
      },
    });
    // Until an end is applied, a project reads what it may no longer read.
    core.onEvent(this, 'Ended', UseEnded, apply, 'critical');
    core.onEvent(this, 'Approved', UseApproved, apply, 'critical');
    core.onEvent(this, 'Minimised', UseMinimised, apply, 'critical');
    new DatasetMinimisation(this, 'Minimisation', { core, lake, work });
    core.onEvent(this, 'Suspended', DatasetSuspended, apply, 'critical');
    core.onEvent(this, 'Resumed', DatasetResumed, apply, 'critical');
    // The heads of pipelines read what the project may read, and exist only while the cpu queue is open.
    core.onEvent(this, 'QueueOpened', QueueOpened, apply, 'warning', { detail: { kind: ['cpu'] } });
    core.onEvent(this, 'QueueClosed', QueueClosed, apply, 'warning', { detail: { kind: ['cpu'] } });
    new ScheduledCheck(this, 'Erasure', {
      core,
      every: Duration.hours(1),
      description: 'Deletes withdrawn datasets whose locks have ended',
      check: new Handler<typeof Erase>(this, 'Erase', {
        core,
        entry: 'datasets/erase.lambda.ts',
        seconds: 900,
        memory: 1769,
        environment: {
          TABLE_NAME: tableAccess(core.table, {
            terms: ['GetItem', 'PutItem'],
            catalogue: ['PutItem', 'Query'],
            datasetUses: ['Query'],
            dataset: ['Query'],
          }),
          LAKE_BUCKET: combinedAccess(
            combinedAccess(
              bucketAccess(lake, ['versions', 'purge'], 'datasets/'),
              bucketAccess(lake, ['versions', 'read', 'purge'], 'manifests/'),
            ),
            bucketAccess(lake, ['versions', 'read', 'write'], 'receipts/'),
          ),
          SIGNING_KEY: accessTo(
            signing.keyArn,
            new PolicyStatement({
              actions: ['kms:Sign'],
              resources: [signing.keyArn],
              conditions: {
                StringEquals: { 'kms:SigningAlgorithm': RECEIPT_ALGORITHM, 'kms:MessageType': 'DIGEST' },
              },
            }),
            new PolicyStatement({ actions: ['kms:GetPublicKey'], resources: [signing.keyArn] }),
          ),
        },
      }),
      consequence: 'Files of withdrawn datasets are kept longer than they need be.',
    });
    const describe = new Handler<typeof Describe>(this, 'Describe', {
      core,
      entry: 'datasets/describe.lambda.ts',
      seconds: 300,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          terms: ['GetItem'],
          dataset: ['GetItem', 'Query', 'PutItem', 'DeleteItem'],
          datasets: ['GetItem'],
        }),
        LAKE_BUCKET: bucketAccess(lake, ['versions', 'write'], 'datasets/'),
        LISTS_BUCKET: bucketAccess(lake, ['read'], 'manifests/'),
      },
    });
    core.onEvent(this, 'Registered', DatasetRegistered, describe, 'warning');
    core.onEvent(this, 'Governed', DatasetGoverned, describe, 'warning');
    const endUses = new Handler<typeof EndUses>(this, 'EndUses', {
      core,
      entry: 'datasets/end-uses.lambda.ts',
      seconds: 120,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          terms: ['GetItem'],
          use: ['GetItem', 'PutItem'],
          datasetUses: ['PutItem', 'DeleteItem', 'Query'],
        }),
      },
    });
    const workflow = new Workflow(this, 'Workflow', {
      core,
      file: 'datasets.asl.json',
      calls: { EndUses: endUses },
      deadline: Duration.hours(2),
      severity: 'critical',
    });
    new ScheduledCheck(this, 'Owners', {
      core,
      every: Duration.minutes(1),
      description:
        'Suspends datasets whose owner is no data steward any more, and withdraws those whose retention ended',
      check: new Handler<typeof Owners>(this, 'OwnersCheck', {
        core,
        entry: 'datasets/owners.lambda.ts',
        seconds: 55,
        environment: {
          TABLE_NAME: tableAccess(core.table, { terms: ['GetItem', 'PutItem'], catalogue: ['PutItem', 'Query'] }),
          POOL_ID: groupsAccess(people.pool),
          MACHINE: startAccess(workflow.machine),
        },
      }),
      consequence: 'A dataset may stay in projects although nobody answers for it or its retention ended.',
    });
    new ScheduledCheck(this, 'Reminders', {
      core,
      every: Duration.hours(1),
      description: 'Reminds projects of uses of datasets that end soon',
      check: new Handler<typeof Remind>(this, 'Remind', {
        core,
        entry: 'datasets/remind.lambda.ts',
        seconds: 300,
        environment: {
          TABLE_NAME: tableAccess(core.table, {
            catalogue: ['Query'],
            use: ['GetItem', 'PutItem'],
            datasetUses: ['PutItem', 'Query'],
          }),
        },
      }),
      consequence: 'A project may lose a dataset without having heard that the use ends.',
    });
    const handler = new Handler<typeof ApiLambda>(this, 'Api', {
      core,
      entry: 'datasets/api.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          terms: ['GetItem', 'PutItem'],
          catalogue: ['PutItem', 'Query'],
          use: ['GetItem', 'PutItem', 'Query'],
          datasetUses: ['PutItem', 'DeleteItem', 'Query'],
          dataset: ['GetItem', 'Query'],
          datasets: ['GetItem'],
          project: ['GetItem'],
          airlocks: ['GetItem'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        MACHINE: startAccess(workflow.machine),
        POOL_ID: groupsAccess(people.pool),
        LAKE_BUCKET: bucketAccess(lake, ['read'], 'receipts/'),
        ACCESS_LOGS: bucketAccess(core.accessLogs, ['read', 'list'], LAKE_LOG_PREFIX),
        ACCESS_POINTS: points,
        TIER: String(core.config.airlock.tier),
      },
    });
    api.addRoutes(this, 'datasets', handler);
  }
}
