import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/**
 * The platform's key, which services may use for resources of this account. It names services that call it directly:
 * queues, topics and schedules use it with the permissions of the sender. Conditions test only what calls are known
 * to contain: a condition that they do not meet would lose what the service delivers, without an error.
 */
export function createCoreKey(scope: Construct): Key {
  const key = new Key(scope, 'Key', {
    description: 'Broch: table, buckets, logs, alarms and secrets of the platform',
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
  const { account, partition, region } = Stack.of(scope);
  const arnOf = (service: string, resource: string) => `arn:${partition}:${service}:${region}:${account}:${resource}`;
  const allow = (sid: string, service: string, actions: string[], conditions: Record<string, Record<string, string>>) =>
    key.addToResourcePolicy(
      new PolicyStatement({
        sid,
        principals: [new ServicePrincipal(`${service}.amazonaws.com`)],
        actions: actions.map(action => `kms:${action}`),
        resources: ['*'],
        conditions,
      }),
    );
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
  allow('Logs', `logs.${region}`, ['Encrypt', 'Decrypt', 'ReEncrypt*', 'GenerateDataKey*', 'Describe*'], {
    ArnLike: { 'kms:EncryptionContext:aws:logs:arn': arnOf('logs', '*') },
  });
  const delivery = ['Decrypt', 'GenerateDataKey*'];
  // https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
  allow('AlarmsToTopics', 'cloudwatch', delivery, {
    StringEquals: { 'aws:SourceAccount': account },
    ArnLike: { 'aws:SourceArn': arnOf('cloudwatch', 'alarm:*') },
  });
  // The same page: a condition cannot require a source of EventBridge here, but the encryption context names the topic.
  allow('EventsToTopics', 'events', delivery, {
    ArnLike: { 'kms:EncryptionContext:aws:sns:topicArn': arnOf('sns', '*') },
  });
  // The bus, and dead-letter queues: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-key-policy.html
  // and https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
  allow('EventsOnBusAndInQueues', 'events', [...delivery, 'DescribeKey'], {
    StringEquals: { 'aws:SourceAccount': account },
  });
  return key;
}
