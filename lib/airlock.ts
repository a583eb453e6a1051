import { Duration, Stack } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { airlockEvents } from '../functions/airlock/events.ts';
import type * as OpenRun from '../functions/airlock/open-run.lambda.ts';
import type * as AggregateReports from '../functions/airlock/steps/aggregate-reports.lambda.ts';
import type * as AwaitDecision from '../functions/airlock/steps/await-decision.lambda.ts';
import type * as Check from '../functions/airlock/steps/check.lambda.ts';
import type * as Compare from '../functions/airlock/steps/compare-releases.lambda.ts';
import type * as Copy from '../functions/airlock/steps/copy.lambda.ts';
import type * as Fail from '../functions/airlock/steps/fail.lambda.ts';
import type * as Plan from '../functions/airlock/steps/plan.lambda.ts';
import type * as PlanRelease from '../functions/airlock/steps/plan-release.lambda.ts';
import type * as ReviewReminder from '../functions/airlock/steps/review-reminder.lambda.ts';
import type * as Seal from '../functions/airlock/steps/seal.lambda.ts';
import type * as Sign from '../functions/airlock/steps/sign.lambda.ts';
import type * as Manifest from '../functions/airlock/steps/write-manifest.lambda.ts';
import { RunCompleted } from '../functions/enclaves/events.ts';
import { accessTo, bucketAccess, tableAccess, userPoolAccess } from './access.ts';
import { AirlockApi, publicKeyStatement } from './airlock-api.ts';
import type { AirlockData } from './airlock-data.ts';
import { alarm, alarmTopicTarget, ruleInvocations } from './alarm.ts';
import type { Api, People } from './api.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { bucketPrefix } from './project/names.ts';
import {
  deliveryStatements,
  listSourcesStatement,
  readSourcesStatements,
  reportStatements,
} from './project-bucket-grants.ts';
import { Sweeper } from './sweeper.ts';
import { Workflow } from './workflow.ts';

export interface AirlockProps {
  readonly core: Core;
  readonly data: AirlockData;
  readonly people: People;
  readonly api: Api;
  /** Chunks of one request that are processed at the same time. */
  readonly concurrency?: number;
}

/** The airlock: seals, scans and checks requests, awaits the review, and releases the approved files. */
export class Airlock extends Construct {
  constructor(scope: Construct, id: string, props: AirlockProps) {
    super(scope, id);
    const { core, data, people, api, concurrency = 10 } = props;
    const { airlock: rules, environment } = core.config;
    const RULES = JSON.stringify(rules);
    const prefix = bucketPrefix(environment, Stack.of(this).account);
    const worker = { core, seconds: 900, memory: 1769 } as const;
    const changes = {
      airlock: ['GetItem', 'PutItem'],
      airlocks: ['GetItem', 'PutItem', 'DeleteItem'],
      due: ['PutItem', 'DeleteItem'],
    } as const;
    const changing = {
      TABLE_NAME: tableAccess(core.table, changes),
      RULES,
    };
    const reviewerEnvironment = {
      ...changing,
      TABLE_NAME: tableAccess(core.table, { ...changes, project: ['GetItem'] }),
      POOL_ID: userPoolAccess(people.pool, ['ListUsersInGroup']),
    };
    data.scan.createPlan(this);
    const reads = bucketAccess(data.airlock, ['read'], 'requests/');
    const notes = bucketAccess(data.work, ['read', 'write']);
    const reports = reportStatements(prefix, Stack.of(this));

    const precaution =
      'If the error is `Tampered`, sealed files differ from their seal: first find out who changed them.';
    const fail = new Handler<typeof Fail>(this, 'Fail', {
      core,
      entry: 'airlock/steps/fail.lambda.ts',
      environment: changing,
    });
    const wait = new Handler<typeof AwaitDecision>(this, 'AwaitDecision', {
      core,
      entry: 'airlock/steps/await-decision.lambda.ts',
      environment: { TABLE_NAME: tableAccess(core.table, changes), RULES },
    });
    const workflow = new Workflow(this, 'Workflow', {
      core,
      file: 'airlock.asl.json',
      calls: {
        Plan: new Handler<typeof Plan>(this, 'Plan', {
          ...worker,
          entry: 'airlock/steps/plan.lambda.ts',
          environment: {
            ...changing,
            TABLE_NAME: tableAccess(core.table, { ...changes, project: ['GetItem'] }),
            BUCKETS: accessTo(prefix, listSourcesStatement(prefix, Stack.of(this)), ...reports),
            UPLOADS_BUCKET: bucketAccess(data.uploads, ['versions'], 'uploads/'),
            WORK_BUCKET: bucketAccess(data.work, ['write']),
          },
        }),
        Seal: new Handler<typeof Seal>(this, 'Seal', {
          ...worker,
          entry: 'airlock/steps/seal.lambda.ts',
          environment: {
            BUCKETS: accessTo(prefix, ...readSourcesStatements(prefix, Stack.of(this))),
            UPLOADS_BUCKET: bucketAccess(data.uploads, ['read'], 'uploads/'),
            AIRLOCK_BUCKET: bucketAccess(data.airlock, ['read', 'write', 'parts'], 'requests/'),
            WORK_BUCKET: notes,
          },
        }),
        Manifest: new Handler<typeof Manifest>(this, 'Manifest', {
          ...worker,
          entry: 'airlock/steps/write-manifest.lambda.ts',
          environment: {
            ...changing,
            TABLE_NAME: tableAccess(core.table, { ...changes, project: ['GetItem'] }),
            AIRLOCK_BUCKET: bucketAccess(data.airlock, ['write'], 'requests/'),
            BUCKETS: accessTo(prefix, ...reports),
            WORK_BUCKET: bucketAccess(data.work, ['read']),
          },
        }),
        Check: new Handler<typeof Check>(this, 'Check', {
          ...worker,
          entry: 'airlock/steps/check.lambda.ts',
          environment: {
            TABLE_NAME: tableAccess(core.table, { airlock: ['GetItem'], airlocks: ['GetItem'] }),
            AIRLOCK_BUCKET: bucketAccess(data.airlock, ['read', 'write', 'tags'], 'requests/'),
            WORK_BUCKET: bucketAccess(data.work, ['read']),
            SCAN_MINUTES: String(rules.scanMinutes),
          },
        }),
        AggregateReports: new Handler<typeof AggregateReports>(this, 'AggregateReports', {
          ...worker,
          entry: 'airlock/steps/aggregate-reports.lambda.ts',
          environment: {
            ...reviewerEnvironment,
            AIRLOCK_BUCKET: bucketAccess(data.airlock, ['read', 'write'], 'requests/'),
            RELEASE_BUCKET: bucketAccess(data.release, ['read'], 'remembered/'),
            BUCKETS: accessTo(prefix, ...reports),
          },
        }),
        AwaitDecision: wait,
        ReviewReminder: new Handler<typeof ReviewReminder>(this, 'ReviewReminder', {
          core,
          entry: 'airlock/steps/review-reminder.lambda.ts',
          environment: reviewerEnvironment,
        }),
        Fail: fail,
      },
      values: { Concurrency: concurrency },
      // The settings of a project may allow a review of up to a year, which is the longest possible execution.
      deadline: Duration.days(365),
      severity: 'critical',
      precaution,
    });
    const release = new Workflow(this, 'Release', {
      core,
      file: 'airlock-release.asl.json',
      calls: {
        PlanRelease: new Handler<typeof PlanRelease>(this, 'PlanRelease', {
          ...worker,
          entry: 'airlock/steps/plan-release.lambda.ts',
          environment: {
            TABLE_NAME: tableAccess(core.table, { airlock: ['GetItem'], project: ['GetItem'] }),
            AIRLOCK_BUCKET: reads,
            WORK_BUCKET: bucketAccess(data.work, ['write']),
          },
        }),
        Copy: new Handler<typeof Copy>(this, 'Copy', {
          ...worker,
          entry: 'airlock/steps/copy.lambda.ts',
          environment: {
            TABLE_NAME: tableAccess(core.table, { airlock: ['GetItem'] }),
            AIRLOCK_BUCKET: reads,
            RELEASE_BUCKET: bucketAccess(data.release, ['read', 'write', 'parts'], 'released/'),
            BUCKETS: accessTo(prefix, ...deliveryStatements(prefix, Stack.of(this))),
            WORK_BUCKET: notes,
          },
        }),
        Compare: new Handler<typeof Compare>(this, 'Compare', {
          ...worker,
          entry: 'airlock/steps/compare-releases.lambda.ts',
          environment: {
            ...changing,
            AIRLOCK_BUCKET: reads,
            RELEASE_BUCKET: bucketAccess(data.release, ['read'], 'remembered/'),
          },
        }),
        Sign: new Handler<typeof Sign>(this, 'Sign', {
          ...worker,
          entry: 'airlock/steps/sign.lambda.ts',
          environment: {
            ...changing,
            TABLE_NAME: tableAccess(core.table, { ...changes, download: ['GetItem', 'PutItem'] }),
            AIRLOCK_BUCKET: reads,
            RELEASE_BUCKET: bucketAccess(data.release, ['write']),
            WORK_BUCKET: bucketAccess(data.work, ['read']),
            SIGNING_KEY: accessTo(data.signing.keyArn, ...signs(data.signing)),
          },
        }),
        Fail: fail,
      },
      values: { Concurrency: concurrency },
      deadline: Duration.hours(rules.checkHours),
      severity: 'critical',
      precaution,
    });

    const openRun = new Handler<typeof OpenRun>(this, 'OpenRun', {
      core,
      entry: 'airlock/open-run.lambda.ts',
      environment: { TABLE_NAME: tableAccess(core.table, changes), RULES },
    });
    core.onEvent(this, 'EnclaveRun', RunCompleted, openRun, 'warning');
    new Sweeper(this, 'Sweeper', { core, data });
    this.watchVolume(core);
    this.watchQuorum(core);
    this.watchDecision(core, wait);
    new AirlockApi(this, 'Api', { core, data, people, api, check: workflow.machine, release: release.machine });
  }

  /** Alarms on a step whose failure neither fails the execution nor fills a queue. */
  private watchDecision(core: Core, wait: Handler<typeof AwaitDecision>) {
    const period = Duration.minutes(5);
    alarm(wait, 'Errors', {
      topic: core.alarms,
      severity: 'warning',
      metric: wait.fn.metricErrors({ period }),
      // It is called six times a minute. A single error may mean that the decision was already made.
      threshold: 3,
      means:
        'The workflow of a review cannot register to wait for the decision. It looks for the decision from time to time instead.',
      check: 'The log group of functions/airlock/steps/await-decision.lambda.ts for level ERROR.',
      do: 'Correct the cause. Votes and decisions count as usual; only the steps after them are late.',
    });
  }

  /** Sends mail and raises an alarm when too few reviewers are left to decide a request. */
  private watchQuorum(core: Core) {
    const { QuorumUnreachable } = airlockEvents;
    const rule = new Rule(this, 'QuorumRule', {
      description: 'Too few reviewers may vote on a request',
      eventBus: core.bus,
      eventPattern: { source: [QuorumUnreachable.source], detailType: [QuorumUnreachable.type] },
      targets: [alarmTopicTarget(core.alarms)],
    });
    alarm(this, 'Quorum', {
      topic: core.alarms,
      severity: 'warning',
      metric: ruleInvocations(rule, core.bus),
      means:
        'Too few reviewers may vote on a request, so nobody can decide it. Reviewers left, or became members of the project.',
      check:
        'A second mail holds the event, which names the project and the request. `broch status` lists the request until enough reviewers are there.',
      do: 'Add people to the group `reviewer` who were not members of the project since the request was opened (see deploy.md). If there is nobody, have the request withdrawn, lower the quorum with `broch airlock configure`, and have it submitted again. Do not do so to avoid a disagreement.',
    });
  }

  /** Sends mail and raises an alarm when a project or a person approaches a daily submission cap. */
  private watchVolume(core: Core) {
    const { VolumeHigh, VolumeExceeded } = airlockEvents;
    const rule = new Rule(this, 'VolumeRule', {
      description: 'Much is submitted to the airlock',
      eventBus: core.bus,
      eventPattern: { source: [VolumeHigh.source], detailType: [VolumeHigh.type, VolumeExceeded.type] },
      // The mail contains the event, which names the project, the person and the request.
      targets: [alarmTopicTarget(core.alarms)],
    });
    alarm(this, 'Volume', {
      topic: core.alarms,
      severity: 'warning',
      metric: ruleInvocations(rule, core.bus),
      means: 'A project or a person has nearly reached a daily cap on submissions, or tried to exceed it.',
      check:
        'A second mail holds the event, which names the project, the requester and the request. `broch airlock list <project>` shows the other requests.',
      do: 'Ask the requester why. If the reason is good, raise the cap with `broch airlock configure`. If not, have the requests withdrawn, and revoke what was released.',
    });
  }
}

const signs = (key: Key): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['kms:Sign'],
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:SigningAlgorithm': 'ECDSA_SHA_256', 'kms:MessageType': 'DIGEST' } },
  }),
  publicKeyStatement(key),
];
