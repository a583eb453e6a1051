import { Duration, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type * as Retract from '../functions/airlock/deletion/retract.lambda.ts';
import type * as Sweep from '../functions/airlock/deletion/sweep.lambda.ts';
import { airlockEvents } from '../functions/airlock/events.ts';
import { accessTo, bucketAccess, combinedAccess, tableAccess } from './access.ts';
import type { AirlockData } from './airlock-data.ts';
import { alarm } from './alarm.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { bucketPrefix } from './project/names.ts';
import { retractionStatements } from './project-bucket-grants.ts';
import { callRegularly } from './schedule.ts';

/**
 * Clears the airlock: announces lapsed requests, deletes content after its retention with a receipt, and removes revoked
 * or expired imports from projects.
 */
export class Sweeper extends Construct {
  constructor(scope: Construct, id: string, { core, data }: { core: Core; data: AirlockData }) {
    super(scope, id);
    const worker = { core, seconds: 900, memory: 1769 } as const;
    const erases = ['versions', 'read', 'purge'] as const;
    const sweep = new Handler<typeof Sweep>(this, 'Sweep', {
      ...worker,
      entry: 'airlock/deletion/sweep.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          airlock: ['GetItem', 'PutItem'],
          airlocks: ['GetItem', 'PutItem', 'DeleteItem'],
          due: ['GetItem', 'PutItem', 'DeleteItem', 'Query'],
        }),
        AIRLOCK_BUCKET: bucketAccess(data.airlock, erases, 'requests/'),
        RELEASE_BUCKET: combinedAccess(
          bucketAccess(data.release, erases, 'released/'),
          bucketAccess(data.release, ['read', 'write'], 'receipts/'),
        ),
        UPLOADS_BUCKET: bucketAccess(data.uploads, erases, 'uploads/'),
        RULES: JSON.stringify(core.config.airlock),
      },
    });
    // It needs its own alarm because a schedule calls it.
    alarm(sweep, 'Errors', {
      topic: core.alarms,
      severity: 'warning',
      metric: sweep.fn.metricErrors({ period: Duration.minutes(5) }),
      means: 'The hourly sweep, which deletes expired files of the airlock, failed as a whole or for some requests.',
      check: 'The log group of functions/airlock/deletion/sweep.lambda.ts for level ERROR: it names the requests.',
      do: 'Correct the cause. If the row of a request is damaged, revoke the request: `broch airlock revoke`. The next sweep does what this one did not: files are only deleted later, and nothing is lost.',
    });
    const prefix = bucketPrefix(core.config.environment, Stack.of(this).account);
    const retract = new Handler<typeof Retract>(this, 'Retract', {
      ...worker,
      entry: 'airlock/deletion/retract.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          airlock: ['GetItem', 'PutItem'],
          airlocks: ['GetItem', 'PutItem', 'DeleteItem'],
          due: ['PutItem', 'DeleteItem'],
          project: ['GetItem'],
        }),
        BUCKETS: accessTo(prefix, ...retractionStatements(prefix, Stack.of(this))),
        RELEASE_BUCKET: combinedAccess(
          bucketAccess(data.release, ['read', 'versions'], 'released/'),
          bucketAccess(data.release, ['read', 'write'], 'receipts/'),
        ),
        RULES: JSON.stringify(core.config.airlock),
      },
    });
    for (const name of ['RequestRevoked', 'RequestWithdrawn', 'RequestExpired'] as const)
      core.onEvent(this, name, airlockEvents[name], retract, 'critical');
    callRegularly(this, 'Hourly', {
      target: sweep,
      description: 'Lets time have its say in the airlock',
      every: Duration.hours(1),
    });
  }
}
