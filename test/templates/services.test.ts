import { describe, expect, it } from 'vitest';
import { deployedPolicies } from './policies.ts';

const account = '111122223333';
const arnOf = (service: string, resource: string) => `arn:aws:${service}:eu-west-2:${account}:${resource}`;

/** What services, by their name, are allowed on things of a kind. */
const allowedServices = (type: string) =>
  deployedPolicies
    .filter(policy => policy.type === type)
    .flatMap(({ place, statements, resolve }) =>
      statements.flatMap(({ Effect, Principal, Action, Condition }) => {
        const services = [(Principal as { Service?: string | string[] } | undefined)?.Service ?? []].flat();
        if (Effect !== 'Allow' || services.length === 0) return [];
        const conditions = Object.fromEntries(
          Object.entries(Condition ?? {}).map(([operator, tests]) => [
            operator,
            Object.fromEntries(Object.entries(tests).map(([key, value]) => [key, [value].flat().map(resolve).join()])),
          ]),
        );
        return services.map(service => ({ place, service, actions: [Action].flat(), conditions }));
      }),
    );

describe('AWS services', () => {
  it('may use the platform’s key only under the conditions that each of their calls is known to meet', () => {
    const onBus = arnOf('events', 'event-bus/brochproddataCoreBus1C5E0243');
    const use = ['kms:Decrypt', 'kms:GenerateDataKey*'];
    const ofCore = allowedServices('AWS::KMS::Key').filter(({ place }) => place.startsWith('data/CoreKey'));
    expect(ofCore.map(({ service, actions, conditions }) => ({ service, actions, conditions }))).toEqual([
      {
        service: 'logs.eu-west-2.amazonaws.com',
        actions: ['kms:Decrypt', 'kms:Describe*', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
        conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': arnOf('logs', '*') } },
      },
      {
        service: 'cloudwatch.amazonaws.com',
        actions: use,
        conditions: {
          StringEquals: { 'aws:SourceAccount': account },
          ArnLike: { 'aws:SourceArn': arnOf('cloudwatch', 'alarm:*') },
        },
      },
      // Never with a source: EventBridge sends none when it publishes to an encrypted topic.
      {
        service: 'events.amazonaws.com',
        actions: use,
        conditions: { ArnLike: { 'kms:EncryptionContext:aws:sns:topicArn': arnOf('sns', '*') } },
      },
      {
        service: 'events.amazonaws.com',
        actions: ['kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKey*'],
        conditions: { StringEquals: { 'aws:SourceAccount': account } },
      },
      {
        service: 'events.amazonaws.com',
        actions: ['kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKey'],
        conditions: {
          StringEquals: {
            'aws:SourceAccount': account,
            'aws:SourceArn': onBus,
            'kms:EncryptionContext:aws:events:event-bus:arn': onBus,
          },
        },
      },
    ]);
  });

  it.each(['AWS::KMS::Key', 'AWS::SQS::QueuePolicy', 'AWS::S3::BucketPolicy', 'AWS::SNS::TopicPolicy'])(
    'may use each %s only on behalf of this account',
    type => {
      const statements = allowedServices(type);
      expect(statements).not.toEqual([]);
      // What EventBridge may not be asked for: lib/alarm.ts says where AWS documents it.
      const unconditional = ({ service }: { service: string }) =>
        type === 'AWS::SNS::TopicPolicy' && service === 'events.amazonaws.com';
      for (const statement of statements)
        if (unconditional(statement)) expect(statement.conditions).toEqual({});
        else
          expect(JSON.stringify(statement.conditions), statement.place).toMatch(new RegExp(`"[^"]*${account}[^"]*"`));
    },
  );

  it('that may publish to the alarm topic are only CloudWatch and EventBridge', () => {
    expect(
      allowedServices('AWS::SNS::TopicPolicy').map(({ service, actions, conditions }) => [
        service,
        actions,
        conditions,
      ]),
    ).toEqual([
      [
        'cloudwatch.amazonaws.com',
        ['sns:Publish'],
        {
          StringEquals: { 'aws:SourceAccount': account },
          ArnLike: { 'aws:SourceArn': arnOf('cloudwatch', 'alarm:*') },
        },
      ],
      ['events.amazonaws.com', ['sns:Publish'], {}],
    ]);
  });
});
