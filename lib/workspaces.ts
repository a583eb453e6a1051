import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { ObjectCreated } from '../functions/contract.ts';
import { hasPackageMirror } from '../functions/images/packages/mirror.ts';
import { MemberRemoved } from '../functions/projects/events.ts';
import type * as ApiLambda from '../functions/workspaces/api.lambda.ts';
import type * as Change from '../functions/workspaces/change.lambda.ts';
import type * as End from '../functions/workspaces/end.lambda.ts';
import type * as Fail from '../functions/workspaces/fail.lambda.ts';
import type * as Launch from '../functions/workspaces/launch.lambda.ts';
import type * as NoteProblem from '../functions/workspaces/note-problem.lambda.ts';
import type * as Ready from '../functions/workspaces/ready.lambda.ts';
import type * as Remove from '../functions/workspaces/remove.lambda.ts';
import type * as Report from '../functions/workspaces/report.lambda.ts';
import type * as Rotate from '../functions/workspaces/rotate.lambda.ts';
import type * as Wait from '../functions/workspaces/wait.lambda.ts';
import type * as Wake from '../functions/workspaces/wake.lambda.ts';
import {
  accessTo,
  groupsAccess,
  keyAccess,
  secretAccess,
  secretReplacement,
  startAccess,
  type TableRight,
  tableAccess,
} from './access.ts';
import type { Api, People } from './api.ts';
import { AwakeProjects, describesNetworks } from './awake.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { bucketPrefix } from './project/names.ts';
import { projectKeysStatement, projectObjects } from './project-bucket-grants.ts';
import { ScheduledCheck } from './scheduled-check.ts';
import { Workflow } from './workflow.ts';
import {
  changesInstances,
  haltsInstances,
  launchesInstances,
  removesInstances,
  restartsInstances,
} from './workspace-rights.ts';
import { WorkspaceSnapshots } from './workspace-snapshots.ts';
import { WorkspaceSweeper } from './workspace-sweeper.ts';
import { projectPrices } from './workspaces-config.ts';
import type { WorkspacesData } from './workspaces-data.ts';

export interface WorkspacesProps {
  readonly core: Core;
  readonly data: WorkspacesData;
  readonly people: People;
  readonly api: Api;
}

/** Workspaces: launches desktops in the networks of their projects and makes links to them. */
export class Workspaces extends Construct {
  constructor(scope: Construct, id: string, { core, data, people, api }: WorkspacesProps) {
    super(scope, id);
    const { workspaces: config, environment } = core.config;
    // A launch may wait 15 minutes for capacity; everything else is retried for some minutes.
    const deadline = Duration.minutes(config.readyMinutes + 60);

    const prices = {
      PER_PROJECT: String(config.perProject),
      PRICES: projectPrices(config),
    };
    const machines = {
      SIZES: JSON.stringify(config.sizes),
      FAMILIES: JSON.stringify(config.families),
      TIER: String(core.config.airlock.tier),
    };
    const HIBERNATES = JSON.stringify(config.hibernate);
    const awake = new AwakeProjects(this, 'Awake', core.config);
    const leases = (workspace: TableRight[]) => ({
      TABLE_NAME: tableAccess(core.table, { workspace, awake: ['GetItem', 'PutItem'] }),
      ...awake.sleeps(),
    });
    const wake = new Handler<typeof Wake>(this, 'Wake', {
      core,
      entry: 'workspaces/wake.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          workspace: ['GetItem'],
          project: ['GetItem'],
          awake: ['GetItem', 'PutItem'],
          packages: ['GetItem'],
          airlocks: ['GetItem'],
        }),
        ...awake.wakes(),
        ENVIRONMENT: accessTo(environment, describesNetworks()),
        ...prices,
        ...machines,
        HAS_MIRROR: String(hasPackageMirror(core.config.region)),
      },
    });
    const launch = new Handler<typeof Launch>(this, 'Launch', {
      core,
      entry: 'workspaces/launch.lambda.ts',
      seconds: 60,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          workspace: ['GetItem', 'PutItem'],
          instance: ['GetItem', 'PutItem'],
          project: ['GetItem'],
          image: ['GetItem'],
          airlocks: ['GetItem'],
        }),
        ENVIRONMENT: accessTo(
          environment,
          ...launchesInstances(this, environment),
          restartsInstances(this, environment),
        ),
        ...machines,
        HIBERNATES,
      },
    });
    const remove = new Handler<typeof Remove>(this, 'Remove', {
      core,
      entry: 'workspaces/remove.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, { workspace: ['GetItem'] }),
        ENVIRONMENT: accessTo(environment, ...removesInstances(this, environment), haltsInstances(this, environment)),
      },
    });
    const ready = new Handler<typeof Ready>(this, 'Ready', {
      core,
      entry: 'workspaces/ready.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, { workspace: ['GetItem', 'PutItem'] }),
      },
    });
    const fail = new Handler<typeof Fail>(this, 'Fail', {
      core,
      entry: 'workspaces/fail.lambda.ts',
      environment: {
        ...leases(['GetItem', 'PutItem']),
        READY_MINUTES: String(config.readyMinutes),
      },
    });
    const wait = new Handler<typeof Wait>(this, 'Wait', {
      core,
      entry: 'workspaces/wait.lambda.ts',
      environment: { TABLE_NAME: tableAccess(core.table, { workspace: ['GetItem', 'PutItem'] }) },
    });
    const { machine } = new Workflow(this, 'Workflow', {
      core,
      file: 'workspaces.asl.json',
      calls: { Wake: wake, Launch: launch, Wait: wait, Ready: ready, Remove: remove, Fail: fail },
      values: { ReadySeconds: config.readyMinutes * 60 },
      deadline,
      severity: 'warning',
    });

    const change = new Handler<typeof Change>(this, 'Change', {
      core,
      entry: 'workspaces/change.lambda.ts',
      seconds: 60,
      environment: {
        ...leases(['GetItem', 'PutItem']),
        TABLE_NAME: tableAccess(core.table, {
          workspace: ['GetItem', 'PutItem'],
          awake: ['GetItem', 'PutItem'],
          airlocks: ['GetItem'],
        }),
        ENVIRONMENT: accessTo(environment, ...changesInstances(this, environment)),
        ...machines,
        MACHINE_ARN: startAccess(machine),
      },
    });
    const noteProblem = new Handler<typeof NoteProblem>(this, 'NoteProblem', {
      core,
      entry: 'workspaces/note-problem.lambda.ts',
      environment: { TABLE_NAME: tableAccess(core.table, { workspace: ['GetItem', 'PutItem'] }) },
    });
    const changeDeadline = Duration.hours(7);
    const { machine: changes } = new Workflow(this, 'Changes', {
      core,
      file: 'workspaces-change.asl.json',
      calls: { Change: change, NoteProblem: noteProblem },
      // A snapshot of a large home takes long the first time.
      deadline: changeDeadline,
      severity: 'warning',
    });

    const prefix = bucketPrefix(environment, Stack.of(this).account);
    const report = new Handler<typeof Report>(this, 'Report', {
      core,
      entry: 'workspaces/report.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          workspace: ['GetItem', 'PutItem'],
          instance: ['GetItem'],
          project: ['GetItem'],
        }),
        BUCKETS: accessTo(prefix, ...readsReports(prefix, Stack.of(this))),
        PASSWORDS_KEY: keyAccess(data.passwords, ['Encrypt'], 'workspace'),
        MACHINE_ARN: accessTo(machine.stateMachineArn, answersTasks(machine)),
      },
    });
    core.onEvent(this, 'Reported', ObjectCreated, report, 'warning', {
      detail: {
        bucket: { name: [{ prefix }] },
        object: { key: [{ wildcard: 'agents/*/ready.json' }] },
      },
    });

    new WorkspaceSweeper(this, 'Sweeper', {
      core,
      machine: changes,
      launches: machine,
      leases: {
        ...leases(['GetItem', 'PutItem', 'Query']),
        TABLE_NAME: tableAccess(core.table, {
          workspace: ['GetItem', 'PutItem', 'Query'],
          awake: ['GetItem', 'PutItem'],
          projects: ['Query'],
          job: ['GetItem'],
        }),
      },
      launchSeconds: deadline.toSeconds(),
      changeSeconds: changeDeadline.toSeconds(),
    });

    const end = new Handler<typeof End>(this, 'End', {
      core,
      entry: 'workspaces/end.lambda.ts',
      seconds: 60,
      environment: {
        ...leases([]),
        TABLE_NAME: tableAccess(core.table, {
          workspace: ['GetItem', 'PutItem'],
          awake: ['GetItem', 'PutItem'],
          project: ['GetItem'],
        }),
        ENVIRONMENT: accessTo(environment, ...removesInstances(this, environment)),
      },
    });
    core.onEvent(this, 'MemberRemoved', MemberRemoved, end, 'critical');

    new ScheduledCheck(this, 'Rotation', {
      core,
      check: new Handler<typeof Rotate>(this, 'Rotate', {
        core,
        entry: 'workspaces/rotate.lambda.ts',
        environment: { GATEWAY_KEY: secretReplacement(data.gatewayKey) },
      }),
      every: Duration.days(30),
      description: 'Replaces the key that signs links into desktops',
      consequence: 'Links are still signed with the key before it.',
    });

    const handler = new Handler<typeof ApiLambda>(this, 'Api', {
      core,
      entry: 'workspaces/api.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          workspace: ['GetItem', 'PutItem', 'Query'],
          project: ['GetItem'],
          // The tier decides about recordings and instance types.
          airlocks: ['GetItem'],
          awake: ['GetItem'],
          // Which version each machine was made from, and which one is published.
          image: ['GetItem'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        MACHINE_ARN: startAccess(machine),
        CHANGE_ARN: startAccess(changes),
        PASSWORDS_KEY: keyAccess(data.passwords, ['Decrypt'], 'workspace'),
        GATEWAY_KEY: secretAccess(data.gatewayKey),
        GATEWAY: core.config.gateway ? `https://${core.config.gateway.domain}/enter` : config.gateway,
        LINK_SECONDS: String(config.linkSeconds),
        DEADLINE_SECONDS: String(deadline.toSeconds()),
        POOL_ID: groupsAccess(people.pool),
        TIMEZONE: core.config.costs.timezone,
        GPU_PROTOCOL: core.config.gateway?.gpuProtocol ?? 'rdp',
        RECORDED_TIERS: JSON.stringify(core.config.gateway?.recording?.tiers ?? []),
        ...machines,
        HIBERNATES,
        ...prices,
      },
    });
    api.addRoutes(this, 'workspaces', handler);
    new WorkspaceSnapshots(this, 'Homes', { core, people, api, launches: machine, changes });
  }
}

/** Only the reports in project buckets; the projects' keys may be used only for these buckets. */
const readsReports = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:GetObject'],
    resources: [projectObjects(prefix, stack, '/agents/*/ready.json')],
  }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt']),
];

/** May complete waiting tasks of the state machine, but not fail them. */
const answersTasks = (machine: IStateMachine) =>
  new PolicyStatement({ actions: ['states:SendTaskSuccess'], resources: [machine.stateMachineArn] });
