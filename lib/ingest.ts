import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { type Bucket, HttpMethods, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { ObjectCreated } from '../functions/contract.ts';
import type * as ApiLambda from '../functions/ingest/api.lambda.ts';
import type * as Approve from '../functions/ingest/approve.lambda.ts';
import type * as Copy from '../functions/ingest/copy.lambda.ts';
import type * as Plan from '../functions/ingest/plan.lambda.ts';
import type * as Receive from '../functions/ingest/receive.lambda.ts';
import type * as Register from '../functions/ingest/register.lambda.ts';
import type * as Hold from '../functions/ingest/reject.lambda.ts';
import { manifestNames } from '../functions/ingest/schemas.ts';
import type * as Verify from '../functions/ingest/verify.lambda.ts';
import { cleanStatus, scanTag } from '../functions/storage/malware-scan.ts';
import {
  accessTo,
  assumeRoleAccess,
  bucketAccess,
  combinedAccess,
  groupsAccess,
  startAccess,
  tableAccess,
} from './access.ts';
import type { Api, People } from './api.ts';
import { ChecksumJobs, createJobsBucket, noThreat } from './checksum-jobs.ts';
import type { Core } from './core.ts';
import { delegateToAccessPoints } from './datasets.ts';
import { Handler, type HandlerModule } from './handler.ts';
import { MalwareScan } from './malware.ts';
import { OverdueDeliveries } from './overdue.ts';
import { createSftpRole, SftpEndpoint } from './sftp.ts';
import { createUploadRole, uploadStatements } from './upload-role.ts';
import { Workflow } from './workflow.ts';

/** The landing bucket for deliveries, the lake for datasets, and the work bucket for checks. */
export class IngestData extends Construct {
  readonly landing: Bucket;
  readonly lake: Bucket;
  readonly work: Bucket;
  /** For the lists and reports of checksum jobs. */
  readonly jobs: Bucket;
  readonly scan: MalwareScan;
  /** The role of SFTP sessions, if the configuration turns SFTP on. */
  readonly sftp?: Role;

  constructor(scope: Construct, id: string, { core }: { core: Core }) {
    super(scope, id);
    const { landingDays, lockDays, uploadOrigins, sftp } = core.config.ingest;
    this.landing = core.bucket(this, 'Landing', {
      ...(uploadOrigins.length > 0 && { cors: [{ allowedOrigins: uploadOrigins, allowedMethods: [HttpMethods.PUT] }] }),
      lifecycleRules: [
        {
          expiration: Duration.days(landingDays),
          noncurrentVersionExpiration: Duration.days(landingDays),
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
    });
    this.lake = core.bucket(this, 'Lake', {
      objectLockEnabled: true,
      objectLockDefaultRetention: ObjectLockRetention.governance(Duration.days(lockDays)),
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(7) }],
    });
    if (sftp) this.sftp = createSftpRole(this, this.landing);
    this.scan = new MalwareScan(this, 'Malware', {
      subject: 'deliveries',
      bucket: this.landing,
      prefix: 'in/',
      ...(this.sftp && { copier: this.sftp }),
    });
    delegateToAccessPoints(this.lake);
    this.jobs = createJobsBucket(this, core);
    this.work = core.bucket(this, 'Work', {
      lifecycleRules: [{ expiration: Duration.days(14), noncurrentVersionExpiration: Duration.days(1) }],
    });
  }
}

/** How long a delivery awaits approval: less than its files stay in the landing bucket, which is seven days or more. */
const approvalSeconds = 6 * 24 * 3600;

export interface IngestProps {
  readonly core: Core;
  readonly data: IngestData;
  readonly people: People;
  readonly api: Api;
  /** Chunks of one delivery that are processed at the same time. */
  readonly concurrency?: number;
}

/** Checks each delivery when its manifest is uploaded, and registers it or holds it with findings. */
export class Ingest extends Construct {
  readonly workflow: Workflow;
  readonly sftp?: SftpEndpoint;

  constructor(scope: Construct, id: string, { core, data, people, api, concurrency = 10 }: IngestProps) {
    super(scope, id);
    const { landing, lake, work, jobs } = data;
    const STREAM_BYTES = String(Math.round(core.config.ingest.streamGiB * 1024 ** 3));
    const worker = { core, seconds: 900, memory: 1769 } as const;
    const plan = new Handler<typeof Plan>(this, 'Plan', {
      ...worker,
      entry: 'ingest/plan.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          partner: ['GetItem', 'PutItem'],
          deliveries: ['PutItem', 'DeleteItem'],
          partners: ['GetItem'],
          dataset: ['GetItem'],
          terms: ['GetItem'],
        }),
        LANDING_BUCKET: bucketAccess(landing, ['read', 'versions'], 'in/'),
        WORK_BUCKET: bucketAccess(work, ['write']),
        STREAM_BYTES,
      },
    });
    data.scan.createPlan(this);
    const createVerify = (id: string, conditions: Record<string, Record<string, string>>, isAccepted: boolean) =>
      new Handler<typeof Verify>(this, id, {
        ...worker,
        entry: 'ingest/verify.lambda.ts',
        environment: {
          LANDING_BUCKET: combinedAccess(
            bucketAccess(landing, ['read'], 'in/', conditions),
            bucketAccess(landing, ['tags'], 'in/'),
          ),
          WORK_BUCKET: bucketAccess(work, ['read', 'write']),
          SCAN_MINUTES: String(core.config.ingest.scanMinutes),
          STREAM_BYTES,
          IS_ACCEPTED: String(isAccepted),
        },
      });
    // S3 compares the tag with every read, so no code of ours can read a file that is not clean.
    const verify = createVerify(
      'Verify',
      { StringEquals: { [`s3:ExistingObjectTag/${scanTag}`]: cleanStatus } },
      false,
    );
    // This one is called only after a data steward accepted files without a scan result.
    const verifyUnscanned = createVerify('VerifyUnscanned', noThreat, true);
    const copy = new Handler<typeof Copy>(this, 'Copy', {
      ...worker,
      entry: 'ingest/copy.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, { dataset: ['PutItem'], terms: ['GetItem'] }),
        LANDING_BUCKET: bucketAccess(landing, ['read'], 'in/', noThreat),
        LAKE_BUCKET: bucketAccess(lake, ['read', 'write', 'parts'], 'datasets/'),
        WORK_BUCKET: bucketAccess(work, ['read']),
        STREAM_BYTES,
      },
    });
    const register = new Handler<typeof Register>(this, 'Register', {
      core,
      entry: 'ingest/register.lambda.ts',
      seconds: 120,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          partner: ['GetItem', 'PutItem'],
          deliveries: ['PutItem', 'DeleteItem'],
          dataset: ['GetItem', 'PutItem', 'DeleteItem'],
          datasets: ['GetItem', 'PutItem'],
          terms: ['GetItem', 'ConditionCheckItem'],
        }),
        LAKE_BUCKET: bucketAccess(lake, ['write'], 'datasets/'),
        LISTS_BUCKET: bucketAccess(lake, ['write'], 'manifests/'),
        WORK_BUCKET: bucketAccess(work, ['read']),
      },
    });
    const approve = new Handler<typeof Approve>(this, 'Approve', {
      core,
      entry: 'ingest/approve.lambda.ts',
      seconds: 60,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          partner: ['GetItem', 'PutItem'],
          deliveries: ['PutItem', 'DeleteItem'],
          datasets: ['GetItem'],
        }),
        LISTS_BUCKET: bucketAccess(lake, ['read'], 'manifests/'),
        WORK_BUCKET: bucketAccess(work, ['read']),
        APPROVAL_SECONDS: String(approvalSeconds),
      },
    });
    const hold = new Handler<typeof Hold>(this, 'Hold', {
      core,
      entry: 'ingest/reject.lambda.ts',
      seconds: 120,
      environment: {
        TABLE_NAME: tableAccess(core.table, { partner: ['GetItem', 'PutItem'], deliveries: ['PutItem', 'DeleteItem'] }),
        WORK_BUCKET: bucketAccess(work, ['read', 'write']),
      },
    });
    this.workflow = new Workflow(this, 'Workflow', {
      core,
      file: 'ingest.asl.json',
      calls: {
        Plan: plan,
        Verify: verify,
        VerifyUnscanned: verifyUnscanned,
        Approve: approve,
        Checksum: new ChecksumJobs(this, 'Checksums', { core, landing, lake, work, jobs }).step,
        Copy: copy,
        Register: register,
        Hold: hold,
      },
      values: { Concurrency: concurrency, ApprovalSeconds: approvalSeconds },
      // Each of two checksum jobs may take a day.
      deadline: Duration.seconds(approvalSeconds + 3 * 24 * 3600),
      severity: 'warning',
    });
    const receive = new Handler<typeof Receive>(this, 'Receive', {
      core,
      entry: 'ingest/receive.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, { partner: ['GetItem'] }),
        MACHINE_ARN: startAccess(this.workflow.machine),
      },
    });
    core.onEvent(this, 'Manifest', ObjectCreated, receive, 'warning', {
      detail: {
        bucket: { name: [landing.bucketName] },
        object: { key: manifestNames.map(name => ({ wildcard: `in/*/${name}` })) },
      },
    });
    new OverdueDeliveries(this, 'Overdue', { core });
    if (data.sftp) this.sftp = new SftpEndpoint(this, 'Sftp', { core, landing, role: data.sftp, pool: people.pool });
    api.addRoutes(this, 'ingest', this.createApiFunction(core, people, data, this.workflow.machine));
  }

  /** The API function, and the upload role for partners, limited to one delivery in each session. */
  private createApiFunction(
    core: Core,
    people: People,
    { landing, lake }: IngestData,
    machine: StateMachine,
  ): Handler<HandlerModule> {
    const { region } = Stack.of(this);
    const functions: { api?: Handler<typeof ApiLambda> } = {};
    const role = createUploadRole(this, 'Upload', {
      description: 'Lent to data partners for ten minutes, limited to the prefix of one delivery',
      statements: uploadStatements(this, landing, 'in/'),
      caller: () => functions.api,
    });
    functions.api = new Handler<typeof ApiLambda>(this, 'Api', {
      core,
      entry: 'ingest/api.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          partner: ['GetItem', 'PutItem', 'Query'],
          delivery: ['GetItem', 'PutItem'],
          deliveries: ['PutItem', 'DeleteItem', 'Query'],
          partners: ['GetItem', 'PutItem', 'Query'],
          dataset: ['GetItem', 'PutItem', 'Query'],
          datasets: ['GetItem', 'Query'],
          terms: ['GetItem'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        LISTS_BUCKET: bucketAccess(lake, ['read'], 'manifests/'),
        LANDING_BUCKET: landing.bucketName,
        LANDING_KEY_ARN: core.key.keyArn,
        UPLOAD_ROLE_ARN: assumeRoleAccess(role),
        REGION: region,
        POOL_ID: groupsAccess(people.pool),
        MACHINE_ARN: combinedAccess(
          startAccess(machine),
          accessTo(
            machine.stateMachineArn,
            new PolicyStatement({ actions: ['states:SendTaskSuccess'], resources: [machine.stateMachineArn] }),
          ),
        ),
      },
    });
    return functions.api;
  }
}
