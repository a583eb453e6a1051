import { Duration } from 'aws-cdk-lib';
import { Alarm, AlarmStatusWidget, Dashboard, GraphWidget, SearchExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { alarmSeverities } from './alarm.ts';
import type { AlarmExplanation } from './runbook.ts';

export interface AlarmDashboardProps {
  readonly environment: string;
  readonly alarms: readonly AlarmExplanation[];
  /** The capabilities whose functions are shown. */
  readonly words: readonly string[];
}

/**
 * One dashboard: the state of every alarm by severity, and below it the errors of each capability's functions, also of those
 * whose retries helped. It finds alarms and functions by their names, so no other stack has to export anything for it.
 */
export class AlarmDashboard extends Construct {
  constructor(scope: Construct, id: string, { environment, alarms, words }: AlarmDashboardProps) {
    super(scope, id);
    const states = alarmSeverities.map(
      severity =>
        new AlarmStatusWidget({
          title: `Severity: ${severity}`,
          width: 24 / alarmSeverities.length,
          height: 6,
          alarms: alarms
            .filter(candidate => candidate.severity === severity)
            .map(({ name, alarmName }) => Alarm.fromAlarmName(this, name, alarmName)),
        }),
    );
    const errors = words.map(
      word =>
        new GraphWidget({
          title: `${word}: errors of functions`,
          width: 8,
          left: [
            new SearchExpression({ expression: findErrors(environment, word), label: '', period: Duration.minutes(5) }),
          ],
          leftYAxis: { min: 0, label: 'errors', showUnits: false },
        }),
    );
    new Dashboard(this, 'Dashboard', {
      dashboardName: `broch-${environment}`,
      defaultInterval: Duration.days(1),
      widgets: [states, errors],
    });
  }
}

/** The errors of each function of a capability: a function's name begins with its stack's, in a part for each word. */
const findErrors = (environment: string, word: string): string => {
  const parts = ['broch', environment, word].map(part => `FunctionName=${part}`).join(' ');
  return `SEARCH('{AWS/Lambda,FunctionName} MetricName="Errors" ${parts}', 'Sum', 300)`;
};
