import { Duration, Fn, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IEventBus, IRuleTarget, Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';

/** Creates the topic of all alarms, which sends mail to `email` if set. */
export function createAlarmTopic(scope: Construct, masterKey: IKey, email: string | undefined): Topic {
  const topic = new Topic(scope, 'Alarms', { masterKey, enforceSSL: true, displayName: 'Broch alarms' });
  const { account, partition, region } = Stack.of(scope);
  // A policy on a topic replaces the default one, under which the account's alarms could publish.
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: 'Alarms',
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: {
        StringEquals: { 'aws:SourceAccount': account },
        ArnLike: { 'aws:SourceArn': `arn:${partition}:cloudwatch:${region}:${account}:alarm:*` },
      },
    }),
  );
  // EventBridge publishes only where no condition is set, says "Amazon SNS permissions" on
  // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: 'Events',
      principals: [new ServicePrincipal('events.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
    }),
  );
  if (email) topic.addSubscription(new EmailSubscription(email));
  return topic;
}

/** How soon an operator acts. `critical`: at once, data may be at risk or nobody can work. `warning`: next working day. */
export const alarmSeverities = ['critical', 'warning'] as const;
export type AlarmSeverity = (typeof alarmSeverities)[number];

export interface AlarmProps {
  /** The topic for alarms. */
  readonly topic: ITopic;
  readonly severity: AlarmSeverity;
  readonly metric: IMetric;
  /** What has happened, in one sentence. */
  readonly means: string;
  /** Where to look first. */
  readonly check: string;
  /** What to do about it. */
  readonly do: string;
  readonly threshold?: number;
}

/**
 * The only way to make an alarm: it says how soon to act, what it means, where to look and what to do, and the runbook
 * repeats it. CloudWatch bills every metric of every alarm, so no failure has two: test/templates/alarms.test.ts.
 */
export function alarm(
  scope: Construct,
  id: string,
  { topic, severity, metric, means: meaning, check, do: act, threshold = 1 }: AlarmProps,
): Alarm {
  const result = new Alarm(scope, `${id}Alarm`, {
    // The subject of the mail and the heading in the runbook: the construct's path, which begins with the stack's name.
    alarmName: `${scope.node.path}/${id}`,
    metric,
    threshold,
    evaluationPeriods: 1,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    // These metrics have data only when something failed, so missing data is not an alarm.
    treatMissingData: TreatMissingData.NOT_BREACHING,
    alarmDescription: `Severity: ${severity}\n${meaning}\nCheck: ${check}\nDo: ${act}`,
  });
  result.addAlarmAction(new SnsAction(topic));
  return result;
}

/** Mails the event itself to the recipients of alarms. CDK's own target would open the topic's key to EventBridge in every account. */
export const alarmTopicTarget = ({ topicArn }: ITopic): IRuleTarget => ({ bind: () => ({ arn: topicArn }) });

/**
 * How often a rule has found its event. EventBridge counts rules of the account's own bus by their name alone, and others by
 * that of their bus too: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
 */
export const ruleInvocations = ({ ruleName, ruleArn }: Rule, bus?: IEventBus): Metric =>
  new Metric({
    namespace: 'AWS/Events',
    metricName: 'Invocations',
    dimensionsMap: bus
      ? // `Ref` is `bus|rule` there: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131
        { EventBusName: bus.eventBusName, RuleName: Fn.select(2, Fn.split('/', ruleArn)) }
      : { RuleName: ruleName },
    statistic: 'Sum',
    period: Duration.minutes(5),
  });
