import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { ArnPrincipal, CompositePrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { type Bucket, type IBucket, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type * as ApiLambda from '../functions/enclaves/api.lambda.ts';
import type * as CheckKeys from '../functions/enclaves/check-keys.lambda.ts';
import type * as Close from '../functions/enclaves/close.lambda.ts';
import { LONGEST_DAYS } from '../functions/enclaves/enclaves.ts';
import { RunRefused } from '../functions/enclaves/events.ts';
import type * as Lapse from '../functions/enclaves/lapse.lambda.ts';
import type * as Launch from '../functions/enclaves/launch.lambda.ts';
import type * as Revoke from '../functions/enclaves/revoke.lambda.ts';
import type * as Seal from '../functions/enclaves/seal.lambda.ts';
import type * as Sweep from '../functions/enclaves/sweep.lambda.ts';
import type * as Wake from '../functions/enclaves/wake.lambda.ts';
import type * as Watch from '../functions/enclaves/watch.lambda.ts';
import { environmentName } from '../functions/names.ts';
import {
  accessTo,
  assumeRoleAccess,
  bucketAccess,
  combinedAccess,
  groupsAccess,
  startAccess,
  type TableRight,
  tableAccess,
} from './access.ts';
import type { Api, People } from './api.ts';
import { AwakeProjects, describesNetworks } from './awake.ts';
import type { Core } from './core.ts';
import {
  auditsKeys,
  becomesAuditor,
  describesExecutions,
  listsEnclaveReports,
  opensOutputs,
  readsEnclaveReports,
  readsReleaseRecords,
  uploadsPackedFiles,
  writesOrders,
  writesOutputs,
} from './enclave-rights.ts';
import { Handler, type HandlerModule } from './handler.ts';
import { explainWildcards } from './nag-wildcards.ts';
import { bucketPrefix } from './project/names.ts';
import { ScheduledCheck } from './scheduled-check.ts';
import { createUploadRole } from './upload-role.ts';
import { Workflow } from './workflow.ts';
import { launchesInstances, removesInstances } from './workspace-rights.ts';
import { projectPrices } from './workspaces-config.ts';

/** The evidence of enclave runs, which nobody can delete or change for as long as released files. */
export class EnclavesData extends Construct {
  readonly evidence: Bucket;

  constructor(scope: Construct, id: string, { core }: { core: Core }) {
    super(scope, id);
    this.evidence = core.bucket(this, 'Evidence', {
      objectLockEnabled: true,
      objectLockDefaultRetention: ObjectLockRetention.governance(Duration.days(core.config.airlock.lockDays)),
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(7) }],
    });
  }
}

export interface EnclavesProps {
  readonly core: Core;
  readonly data: EnclavesData;
  /** Where the airlock keeps what it released. */
  readonly release: IBucket;
  readonly people: People;
  readonly api: Api;
}

/** Runs a partner's confidential code on an owner's confidential data, once both have approved the same manifest. */
export class Enclaves extends Construct {
  /** The roles that the parties' key policies and grants name. */
  readonly roles: { readonly auditor: string; readonly opener: string };
  private readonly auditor: string;

  constructor(scope: Construct, id: string, { core, data, release, people, api }: EnclavesProps) {
    super(scope, id);
    const roleName = environmentName(core.config.environment, 'enclave-auditor');
    this.auditor = Stack.of(this).formatArn({ service: 'iam', region: '', resource: 'role', resourceName: roleName });
    const lapse = new Handler<typeof Lapse>(this, 'Lapse', {
      core,
      entry: 'enclaves/lapse.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, { enclave: ['GetItem', 'PutItem'] }),
        AUDITOR_ROLE_ARN: this.audit(),
      },
    });
    const revoke = new Handler<typeof Revoke>(this, 'Revoke', {
      core,
      entry: 'enclaves/revoke.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, { enclave: ['GetItem'] }),
        AUDITOR_ROLE_ARN: this.audit(),
      },
    });
    core.onEvent(this, 'Refused', RunRefused, revoke, 'warning');
    const workflow = new Workflow(this, 'Workflow', {
      core,
      file: 'enclaves.asl.json',
      calls: { Lapse: lapse },
      // The last check is after the end of the manifest.
      deadline: Duration.days(LONGEST_DAYS + 1),
      severity: 'warning',
    });
    const awake = new AwakeProjects(this, 'Awake', core.config);
    const steps = this.createSteps(core, data, awake);
    const { machine } = new Workflow(this, 'Run', {
      core,
      file: 'enclaves-run.asl.json',
      calls: steps,
      // A manifest permits a day at most.
      deadline: Duration.hours(28),
      severity: 'warning',
    });
    const sweep = this.createSweeper(core, awake, machine);
    this.createAuditor(core, [lapse, revoke, steps.CheckKeys, steps.Close, sweep]);
    this.roles = { auditor: this.auditor, opener: steps.Seal.fn.role?.roleArn ?? '' };
    const functions: { api?: Handler<typeof ApiLambda> } = {};
    const uploader = createUploadRole(this, 'Upload', {
      description: 'Lent to the parties of a run for ten minutes, limited to one packed file',
      statements: uploadsPackedFiles(bucketPrefix(core.config.environment, Stack.of(this).account), Stack.of(this)),
      caller: () => functions.api,
    });
    functions.api = new Handler<typeof ApiLambda>(this, 'Api', {
      core,
      entry: 'enclaves/api.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          enclave: ['GetItem', 'PutItem', 'Query'],
          terms: ['GetItem'],
          use: ['GetItem'],
          dataset: ['GetItem'],
          image: ['GetItem'],
          project: ['GetItem'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        MACHINE: startAccess(workflow.machine),
        RUN_MACHINE: startAccess(machine),
        EVIDENCE_BUCKET: bucketAccess(data.evidence, ['read'], 'runs/'),
        RELEASE_BUCKET: accessTo(release.bucketName, ...readsReleaseRecords(this, release, core.key)),
        UPLOAD_ROLE_ARN: assumeRoleAccess(uploader),
        POOL_ID: groupsAccess(people.pool),
      },
    });
    api.addRoutes(this, 'enclaves', functions.api);
  }

  /** The role in whose name the keys of this account are audited. Its name is known before it is there. */
  private createAuditor({ config }: Core, steps: readonly Handler<HandlerModule>[]) {
    const principals = steps.map(({ fn }) => new ArnPrincipal(fn.role?.roleArn ?? ''));
    const role = new Role(this, 'Auditor', {
      roleName: environmentName(config.environment, 'enclave-auditor'),
      description: 'Reads the policies and grants of keys for enclave runs, and revokes the grants',
      assumedBy: new CompositePrincipal(...principals),
    });
    const statement = auditsKeys(Stack.of(this));
    role.addToPolicy(statement);
    explainWildcards(role, [statement], "Parties bring their own keys; each key's policy decides.");
    Validations.of(role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'A role of one use: its policy belongs to nothing else.',
    });
  }

  /** What functions may that end runs. */
  private closes(core: Core, awake: AwakeProjects, enclave: TableRight[], projects: TableRight[] = []) {
    const { environment } = core.config;
    return {
      TABLE_NAME: tableAccess(core.table, {
        enclave,
        project: ['GetItem'],
        awake: ['GetItem', 'PutItem'],
        ...(projects.length > 0 && { projects }),
      }),
      ...awake.sleeps(),
      ENVIRONMENT: accessTo(environment, ...removesInstances(this, environment)),
      AUDITOR_ROLE_ARN: this.audit(),
    };
  }

  private audit = () => accessTo(this.auditor, becomesAuditor(Stack.of(this), this.auditor));

  private createSweeper(core: Core, awake: AwakeProjects, machine: IStateMachine): Handler<typeof Sweep> {
    const check = new Handler<typeof Sweep>(this, 'Sweep', {
      core,
      entry: 'enclaves/sweep.lambda.ts',
      seconds: 300,
      environment: {
        ...this.closes(core, awake, ['GetItem', 'PutItem', 'Query'], ['Query']),
        RUN_MACHINE: accessTo(machine.stateMachineArn, describesExecutions(Stack.of(this), machine)),
      },
    });
    new ScheduledCheck(this, 'Sweeper', {
      core,
      check,
      every: Duration.minutes(15),
      description: 'Ends what is left of enclave runs whose workflow was stopped',
      consequence: 'Instances end themselves in time, but grants and endpoints stay.',
    });
    return check;
  }

  private createSteps(core: Core, data: EnclavesData, awake: AwakeProjects) {
    const stack = Stack.of(this);
    const { environment, enclaves: config } = core.config;
    const prefix = bucketPrefix(environment, stack.account);
    const ROOTS = JSON.stringify(config.roots);
    const reading = { enclave: ['GetItem'], project: ['GetItem'] } as const;
    const deciding = { enclave: ['GetItem', 'PutItem'], project: ['GetItem'] } as const;
    const leasing = { awake: ['GetItem', 'PutItem'] } as const;
    const seal = new Handler<typeof Seal>(this, 'Seal', {
      core,
      entry: 'enclaves/seal.lambda.ts',
      seconds: 900,
      memory: 3008,
      environment: {
        TABLE_NAME: tableAccess(core.table, deciding),
        BUCKETS: combinedAccess(
          accessTo(prefix, ...readsEnclaveReports(prefix, stack)),
          accessTo(prefix, ...writesOutputs(prefix, stack)),
        ),
        EVIDENCE_BUCKET: bucketAccess(data.evidence, ['write'], 'runs/'),
        ROOTS,
        OUTPUT_KEYS: accessTo('*', opensOutputs(stack)),
      },
    });
    return {
      CheckKeys: new Handler<typeof CheckKeys>(this, 'CheckKeys', {
        core,
        entry: 'enclaves/check-keys.lambda.ts',
        seconds: 60,
        environment: {
          TABLE_NAME: tableAccess(core.table, reading),
          AUDITOR_ROLE_ARN: this.audit(),
          OPENER_ROLE: seal.fn.role?.roleArn ?? '',
        },
      }),
      Wake: new Handler<typeof Wake>(this, 'Wake', {
        core,
        entry: 'enclaves/wake.lambda.ts',
        environment: {
          TABLE_NAME: tableAccess(core.table, { ...reading, ...leasing }),
          ...awake.wakes(),
          ENVIRONMENT: accessTo(environment, describesNetworks()),
          PER_PROJECT: String(core.config.workspaces.perProject),
          PRICES: projectPrices(core.config.workspaces),
        },
      }),
      Launch: new Handler<typeof Launch>(this, 'Launch', {
        core,
        entry: 'enclaves/launch.lambda.ts',
        seconds: 60,
        environment: {
          TABLE_NAME: tableAccess(core.table, { ...deciding, image: ['GetItem'] }),
          ENVIRONMENT: accessTo(environment, ...launchesInstances(this, environment)),
          BUCKETS: accessTo(prefix, ...writesOrders(prefix, stack)),
        },
      }),
      Watch: new Handler<typeof Watch>(this, 'Watch', {
        core,
        entry: 'enclaves/watch.lambda.ts',
        environment: {
          TABLE_NAME: tableAccess(core.table, {
            ...deciding,
            ...{ terms: ['GetItem'], use: ['GetItem'], dataset: ['GetItem'] },
          }),
          BUCKETS: accessTo(prefix, listsEnclaveReports(prefix, stack), ...readsEnclaveReports(prefix, stack)),
          ROOTS,
        },
      }),
      Seal: seal,
      Close: new Handler<typeof Close>(this, 'Close', {
        core,
        entry: 'enclaves/close.lambda.ts',
        seconds: 60,
        environment: this.closes(core, awake, ['GetItem', 'PutItem']),
      }),
    };
  }
}
