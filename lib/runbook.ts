import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { IConstruct } from 'constructs';
import { type AlarmSeverity, alarmSeverities } from './alarm.ts';

/** An alarm as the runbook explains it. */
export interface AlarmExplanation {
  /** Its name without the stack's: `Ingest/Plan/Errors`. */
  readonly name: string;
  /** The name with the stack's, as CloudWatch has it. */
  readonly alarmName: string;
  readonly severity: AlarmSeverity;
  readonly means: string;
  readonly check: string;
  readonly act: string;
}

const description = new RegExp(`^Severity: (${alarmSeverities.join('|')})\n(.+)\nCheck: (.+)\nDo: (.+)$`);

/** All alarms below a construct, in the order in which they are made. */
export const explainAlarms = (scope: IConstruct): AlarmExplanation[] =>
  scope.node
    .findAll()
    .filter(child => child instanceof CfnAlarm)
    .map(({ alarmName = '', alarmDescription = '' }) => {
      const [, word, meaning, check, act] = description.exec(alarmDescription) ?? [];
      const severity = alarmSeverities.find(candidate => candidate === word);
      if (!severity || !meaning || !check || !act) throw new Error(`the alarm ${alarmName} does not explain itself`);
      return { name: alarmName.split('/').slice(1).join('/'), alarmName, severity, means: meaning, check, act };
    });

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return [...groups.values()];
}

const advice = ({ severity, check, act }: AlarmExplanation) =>
  `**Severity:** ${severity}\n\n**Check:** ${check}\n\n**Do:** ${act}\n`;

/** Alarms with the same remedy share a text; each has its own heading. */
function section(group: readonly AlarmExplanation[]): string {
  const [first] = group;
  if (!first) return '';
  const [capability, kind] = [first.name.split('/')[0] ?? '', first.name.split('/').at(-1)];
  if (group.length === 1) return `### ${first.name}\n\n${first.means}\n\n${advice(first)}`;
  return [
    `### ${capability}/*/${kind}\n\n${advice(first)}`,
    ...group.map(({ name, means: meaning }) => `#### ${name}\n\n${meaning}\n`),
  ].join('\n');
}

/** The chapter on alarms, in Markdown. */
export const formatAlarmRunbook = (scope: IConstruct): string =>
  groupBy(explainAlarms(scope), ({ name }) => name.split('/')[0] ?? '')
    .map(capability =>
      [
        `## ${capability[0]?.name.split('/')[0]?.toLowerCase()}\n`,
        ...groupBy(capability, ({ name, ...rest }) =>
          [name.split('/').at(-1), advice({ name, ...rest })].join('\n'),
        ).map(section),
      ].join('\n'),
    )
    .join('\n');

/** Text before this line in docs/runbook.md is written by hand, text after it by `npm run runbook`. */
export const RUNBOOK_MARKER =
  '<!-- From here on written by `npm run runbook`, from what each alarm says of itself. -->';
