import { Aws, Duration, Fn, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import {
  AttributeType,
  Billing,
  type ITableV2,
  StreamViewType,
  TableEncryptionV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { EventBus, type IEventBus, Rule, type RuleProps } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { FilterCriteria, FilterRule, type Function as Lambda, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  type CfnBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Contract } from '../functions/contract.ts';
import { environmentName } from '../functions/names.ts';
import { type AlarmSeverity, alarm, createAlarmTopic } from './alarm.ts';
import type { Config } from './config.ts';
import { createCoreKey } from './core-key.ts';
import { refuseCustomerKeys } from './customer-keys.ts';
import { keyUseStatement } from './key-use.ts';
import { isFirstDeployment } from './protection.ts';

const months = Object.values(RetentionDays).filter((days): days is RetentionDays => typeof days === 'number');
/** The shortest log retention of CloudWatch that is at least this many days. */
export const logRetention = (days: number): RetentionDays =>
  months.filter(period => period >= days).sort((a, b) => a - b)[0] ?? RetentionDays.INFINITE;

/** A function that events can call, such as a Handler. */
export type EventTarget = Construct & { readonly fn: Lambda };

const nameOf = ({ node }: EventTarget): string => node.path.split('/').slice(1).join('/');

/** The resources that all capabilities share: the key, the table, the bus, the alarm topic and the logs. */
export class Core extends Construct {
  readonly config: Config;
  readonly key: Key;
  readonly table: ITableV2;
  readonly bus: IEventBus;
  readonly alarms: ITopic;
  /** Server access logs of all buckets. */
  readonly accessLogs: Bucket;
  /** The dead-letter queue of each function that events call. */
  private readonly undelivered = new Map<EventTarget, Queue>();

  constructor(scope: Construct, id: string, config: Config) {
    super(scope, id);
    this.config = config;
    this.key = createCoreKey(this);
    this.table = new TableV2(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      timeToLiveAttribute: 'ttl',
      // lib/events.ts publishes the events that capabilities have stored.
      dynamoStream: StreamViewType.NEW_IMAGE,
      billing: Billing.onDemand(),
      encryption: TableEncryptionV2.customerManagedKey(this.key),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: !isFirstDeployment(this),
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    this.bus = new EventBus(this, 'Bus', { description: 'Facts of the platform, in the past tense', kmsKey: this.key });
    this.alarms = createAlarmTopic(this, this.key, config.alarms.email);
    this.accessLogs = new Bucket(this, 'AccessLogs', {
      // S3's log delivery cannot write under a customer-managed key.
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      versioned: true,
      lifecycleRules: [
        { expiration: Duration.days(config.retainDays), noncurrentVersionExpiration: Duration.days(30) },
      ],
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    refuseCustomerKeys(this.accessLogs);
    const replicated = {
      id: 'NIST.800.53.R5-S3BucketReplicationEnabled',
      reason:
        'Copies in a second region are for the organisation to decide: data may not leave its jurisdiction by default.',
    };
    Validations.of(Stack.of(this)).acknowledge(replicated);
    Validations.of(this.accessLogs).acknowledge(
      { id: 'AwsSolutions-S1', reason: 'This bucket takes the access logs; logging it into itself would never end.' },
      {
        id: 'NIST.800.53.R5-S3BucketLoggingEnabled',
        reason: 'This bucket takes the access logs; logging it into itself would never end.',
      },
      {
        id: 'NIST.800.53.R5-S3DefaultEncryptionKMS',
        reason: 'Server access logs can only be delivered under S3-managed keys.',
      },
    );
    Validations.of(this.table).acknowledge({
      id: 'NIST.800.53.R5-DynamoDBInBackupPlan',
      reason: 'Point-in-time recovery is on for 35 days; a backup plan belongs to the organisation.',
    });
  }

  /** A bucket: private, TLS only, versioned, encrypted with `key`, with events and access logs, retained on deletion. */
  bucket(scope: Construct, id: string, props: Partial<BucketProps> = {}): Bucket {
    const bucket = new Bucket(scope, id, {
      encryption: BucketEncryption.KMS,
      encryptionKey: this.key,
      bucketKeyEnabled: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      serverAccessLogsBucket: this.accessLogs,
      serverAccessLogsPrefix: `${id.toLowerCase()}/`,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      ...props,
    });
    bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'OnlyUnderOurKey',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:PutObject'],
        resources: [bucket.arnForObjects('*')],
        // A request without encryption headers gets the bucket's encryption; only a request for another is refused.
        conditions: {
          Null: { 's3:x-amz-server-side-encryption': 'false' },
          StringNotEquals: { 's3:x-amz-server-side-encryption': 'aws:kms' },
        },
      }),
    );
    refuseCustomerKeys(bucket);
    const l1 = bucket.node.defaultChild as CfnBucket;
    // Not the L2's eventBridgeEnabled, which deploys a custom resource although CloudFormation supports this.
    l1.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
    return bucket;
  }

  /** A log group; vended logs need a `prefix`. Logs outlive their stack, so the name contains a part of the stack's id. */
  logGroup(scope: Construct, prefix?: string): LogGroup {
    const stack = Fn.select(0, Fn.split('-', Fn.select(2, Fn.split('/', Aws.STACK_ID))));
    return new LogGroup(scope, 'Logs', {
      retention: logRetention(this.config.retainDays),
      encryptionKey: this.key,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      ...(prefix && {
        logGroupName: `${prefix}${environmentName(this.config.environment, `${stack}-${scope.node.addr.slice(-10)}`)}`,
      }),
    });
  }

  /**
   * Calls a function for every event of a contract. An event that is not delivered within a day, or on which the function
   * fails three times, goes to the function's dead-letter queue.
   */
  onEvent<T>(
    scope: Construct,
    id: string,
    contract: Contract<T>,
    target: EventTarget,
    severity: AlarmSeverity,
    filter?: RuleProps['eventPattern'],
  ): Rule {
    const queue = this.undelivered.get(target) ?? this.keepUndelivered(scope, id, target, severity);
    this.undelivered.set(target, queue);
    const options = { deadLetterQueue: queue, retryAttempts: 185, maxEventAge: Duration.hours(24) };
    return new Rule(scope, `${id}Rule`, {
      description: `${contract.source} ${contract.type}`,
      // AWS's own events arrive on the account's default bus.
      ...(contract.source.startsWith('aws.') ? {} : { eventBus: this.bus }),
      eventPattern: { source: [contract.source], detailType: [contract.type], ...filter },
      targets: [new LambdaFunction(target.fn, options)],
    });
  }

  /**
   * Calls a function at least once for every new row whose sort key has the prefix, in order within a partition. It can
   * return the row to continue from (`batchItemFailures`). A row that fails for six hours goes to its queue.
   */
  onTableInsert(scope: Construct, id: string, target: EventTarget, sortKeyPrefix: string): void {
    const { tableStreamArn } = this.table;
    if (tableStreamArn === undefined) throw new Error('the table has no stream');
    const queue = this.queueFor(scope, id, target);
    target.fn.addEventSourceMapping(`${id}Rows`, {
      eventSourceArn: tableStreamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      filters: [
        FilterCriteria.filter({
          eventName: FilterRule.isEqual('INSERT'),
          dynamodb: { Keys: { sk: { S: FilterRule.beginsWith(sortKeyPrefix) } } },
        }),
      ],
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      // A row that fails delays only rows in the same tenth of the partitions.
      parallelizationFactor: 10,
      retryAttempts: 100,
      maxRecordAge: Duration.hours(6),
      onFailure: { bind: () => ({ destination: queue.queueArn }) },
    });
    target.fn.addToRolePolicy(
      new PolicyStatement({
        actions: ['DescribeStream', 'GetRecords', 'GetShardIterator'].map(name => `dynamodb:${name}`),
        resources: [tableStreamArn],
      }),
    );
    // Lambda requires this action, which has no resource-level permissions.
    target.fn.addToRolePolicy(new PolicyStatement({ actions: ['dynamodb:ListStreams'], resources: ['*'] }));
    target.fn.addToRolePolicy(keyUseStatement(this, 'dynamodb', ['kms:Decrypt'], [this.key.keyArn]));
    alarm(scope, `${id}Undelivered`, {
      topic: this.alarms,
      severity: 'critical',
      metric: queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5) }),
      means: `${nameOf(target)} could not publish events from the table for six hours and gave up. These events are missing on the event bus.`,
      check:
        "The messages in the queue: each names the shard and the first and last sequence number of rows, and when they were written. The function's log names the rows.",
      do: 'Correct the function, then invoke it with the rows. `aws dynamodbstreams get-records` returns them for a day after they were written; the table keeps them for 30 days.',
    });
  }

  /** A dead-letter queue for a function, with an alarm. */
  private keepUndelivered(scope: Construct, id: string, target: EventTarget, severity: AlarmSeverity): Queue {
    const queue = this.queueFor(scope, id, target);
    const { fn } = target;
    // For EventBridge an event is delivered when Lambda has accepted it. Lambda then sends failed events to the queue, under
    // the role of the function.
    fn.configureAsyncInvoke({
      maxEventAge: Duration.hours(6),
      retryAttempts: 2,
      // The destination of the CDK would let the role use the key directly.
      onFailure: { bind: () => ({ destination: queue.queueArn }) },
    });
    alarm(scope, `${id}Undelivered`, {
      topic: this.alarms,
      severity,
      metric: queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5) }),
      means: `${nameOf(target)} failed three times to process an event, or could not be invoked.`,
      check:
        'The messages in the queue, and the log of the function. A message is the event itself, or a record that holds the event as `requestPayload` with the last error.',
      do: 'Correct the function, then invoke it again with each event: `aws lambda invoke --invocation-type Event`. Repeating an event is safe. Messages are kept for 14 days.',
    });
    return queue;
  }

  /** Lets Lambda send failed events to the queue under the role of the function. */
  private queueFor(scope: Construct, id: string, { fn }: EventTarget): Queue {
    const queue = new Queue(scope, `${id}Undelivered`, {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: this.key,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    fn.addToRolePolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] }));
    fn.addToRolePolicy(keyUseStatement(this, 'sqs', ['kms:Decrypt', 'kms:GenerateDataKey'], [this.key.keyArn]));
    Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason: 'This is a dead-letter queue.' });
    return queue;
  }
}
