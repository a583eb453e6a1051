import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type * as Sweep from '../functions/workspaces/sweep.lambda.ts';
import { type Access, accessTo, startAccess } from './access.ts';
import { alarm } from './alarm.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { bucketPrefix } from './project/names.ts';
import { projectKeysStatement, projectObjects } from './project-bucket-grants.ts';
import { callRegularly } from './schedule.ts';
import { haltsInstances, namesHomes, removesInstances } from './workspace-rights.ts';

export interface WorkspaceSweeperProps {
  readonly core: Core;
  /** The workflow that stops, resizes, archives and deletes. */
  readonly machine: IStateMachine;
  /** The workflow that starts. */
  readonly launches: IStateMachine;
  /** The table, and what gives leases back. */
  readonly leases: Record<'TABLE_NAME' | 'AWAKE_STACKS' | 'AWAKE_ROLE', Access>;
  readonly launchSeconds: number;
  readonly changeSeconds: number;
}

/** Compares the table with EC2 every quarter of an hour, stops machines that nobody uses, and warns of forgotten ones. */
export class WorkspaceSweeper extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { core, machine, launches, leases, launchSeconds, changeSeconds }: WorkspaceSweeperProps,
  ) {
    super(scope, id);
    const { environment, workspaces } = core.config;
    const stack = Stack.of(this);
    const prefix = bucketPrefix(environment, stack.account);
    const sweep = new Handler<typeof Sweep>(this, 'Sweep', {
      core,
      entry: 'workspaces/sweep.lambda.ts',
      seconds: 600,
      environment: {
        ...leases,
        ENVIRONMENT: accessTo(
          environment,
          ...removesInstances(this, environment),
          haltsInstances(this, environment),
          ...namesHomes(this, environment),
          // Metrics have no resource to name.
          new PolicyStatement({ actions: ['cloudwatch:GetMetricStatistics'], resources: ['*'] }),
        ),
        BUCKETS: accessTo(
          prefix,
          new PolicyStatement({
            actions: ['s3:GetObject'],
            resources: [projectObjects(prefix, stack, '/agents/*/activity.json')],
          }),
          projectKeysStatement(prefix, stack, ['kms:Decrypt']),
        ),
        CHANGE_ARN: startAccess(machine),
        MACHINE_ARN: startAccess(launches),
        IDLE_MINUTES: String(workspaces.idleMinutes),
        HIBERNATES: JSON.stringify(workspaces.hibernate),
        BACKUP_DAYS: String(workspaces.backupDays),
        LAUNCH_SECONDS: String(launchSeconds),
        CHANGE_SECONDS: String(changeSeconds),
      },
    });
    alarm(sweep, 'Errors', {
      topic: core.alarms,
      severity: 'warning',
      metric: sweep.fn.metricErrors({ period: Duration.minutes(15) }),
      means:
        'The sweep that compares workspaces with EC2 and stops unused machines failed, as a whole or for some of them.',
      check:
        'The log group of functions/workspaces/sweep.lambda.ts for level ERROR: it names the project, and the machine or the workspace.',
      do: 'If it names a machine whose workspace does not exist, find out who started it and terminate it. Otherwise correct the cause: the next sweep does what this one did not.',
    });
    callRegularly(this, 'QuarterHourly', {
      target: sweep,
      description: 'Stops unused workspaces and repairs lost ones',
      every: Duration.minutes(15),
      latitude: Duration.minutes(5),
    });
  }
}
