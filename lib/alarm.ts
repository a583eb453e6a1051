import { Duration, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IEventBus, Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';

/** The topic that all alarms go to, as `Alarms` of the scope; mails them to `email` if there is one. */
export function createAlarmTopic(scope: Construct, masterKey: IKey, email: string | undefined): Topic {
  const topic = new Topic(scope, 'Alarms', { masterKey, enforceSSL: true, displayName: 'Broch alarms' });
  // A policy on a topic replaces the default one, under which the account's alarms could publish.
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: 'Alarms',
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  );
  if (email) topic.addSubscription(new EmailSubscription(email));
  return topic;
}

export interface AlarmProps {
  /** Where alarms go. */
  readonly topic: ITopic;
  readonly metric: IMetric;
  /** What has happened, in one sentence. */
  readonly means: string;
  /** Where to look first. */
  readonly check: string;
  /** What to do about it. */
  readonly do: string;
  readonly threshold?: number;
}

/** The only way to make an alarm: it says what it means, where to look and what to do, and the runbook repeats it. */
export function alarm(
  scope: Construct,
  id: string,
  { topic, metric, means, check, do: act, threshold = 1 }: AlarmProps,
): Alarm {
  const made = new Alarm(scope, `${id}Alarm`, {
    // What the mail says, and the runbook's heading: the path of the construct, which begins with its stack's name.
    alarmName: `${scope.node.path}/${id}`,
    metric,
    threshold,
    evaluationPeriods: 1,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    // These metrics exist only when something went wrong, so silence is good news.
    treatMissingData: TreatMissingData.NOT_BREACHING,
    alarmDescription: `${means}\nCheck: ${check}\nDo: ${act}`,
  });
  made.addAlarmAction(new SnsAction(topic));
  return made;
}

/** How often a rule has found its event. EventBridge counts rules of the account's own bus without naming it. */
export const ruleInvocations = ({ ruleName }: Rule, bus?: IEventBus): Metric =>
  new Metric({
    namespace: 'AWS/Events',
    metricName: 'Invocations',
    dimensionsMap: { ...(bus && { EventBusName: bus.eventBusName }), RuleName: ruleName },
    statistic: 'Sum',
    period: Duration.minutes(5),
  });
