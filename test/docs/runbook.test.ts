import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Alarm, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { describe, expect, it } from 'vitest';
import { renewPage } from '../../lib/generated-page.ts';
import { explainAlarms, formatAlarmRunbook, RUNBOOK_MARKER } from '../../lib/runbook.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const { app, templates } = synthesiseApp();
const text = readFileSync('docs/runbook.md', 'utf8');
const runbook = text.slice(text.indexOf(RUNBOOK_MARKER));
const headings = [...runbook.matchAll(/^#{3,4} (.+)$/gm)].map(([, name]) => name ?? '');
const alarms = Object.values(templates).flatMap(template => findTemplateResources(template, 'AWS::CloudWatch::Alarm'));

/** What stands below a heading, up to the next. */
const sectionOf = (name: string) => runbook.split(new RegExp(`^#{3,4} ${name.replaceAll('*', '\\*')}$`, 'm'))[1] ?? '';
const cut = (part: string, level: RegExp) => part.split(level)[0] ?? '';

describe('the runbook', () => {
  it('has a heading for every alarm that is deployed, and no other headings', () => {
    const names = alarms.map(([, { Properties }]) => String(Properties.AlarmName).split('/').slice(1).join('/'));
    expect(headings.filter(name => !name.includes('*')).sort()).toEqual(names.sort());
    expect(names.length).toBeGreaterThan(20);
  });

  it.each(explainAlarms(app))(
    'explains $name in the same words as the alarm’s mail',
    ({ name, severity, means: meaning, check, act }) => {
      expect(cut(sectionOf(name), /^#/m)).toContain(meaning);
      const [capability, kind] = [name.split('/')[0], name.split('/').at(-1)];
      const shared = headings.includes(`${capability}/*/${kind}`)
        ? cut(sectionOf(`${capability}/*/${kind}`), /^#/m)
        : '';
      const advice = `**Severity:** ${severity}\n\n**Check:** ${check}\n\n**Do:** ${act}\n`;
      expect(shared + cut(sectionOf(name), /^#/m)).toContain(advice);
    },
  );

  it('contains exactly what `npm run runbook` writes', () =>
    expect(renewPage(text, RUNBOOK_MARKER, formatAlarmRunbook(app))).toBe(text));
});

describe('an alarm', () => {
  const explanation = /^Severity: (critical|warning)\n(.+)\nCheck: (.+)\nDo: (.+)$/;

  it.each(alarms.map(([, { Properties }]) => [String(Properties.AlarmName), Properties] as const))(
    '%s notifies the alarm topic and stays OK while it has no data',
    (_, { AlarmActions, AlarmDescription, TreatMissingData }) => {
      expect(AlarmActions).toHaveLength(1);
      expect(AlarmDescription).toMatch(explanation);
      expect(TreatMissingData).toBe('notBreaching');
      // CloudWatch's limit.
      expect(String(AlarmDescription).length).toBeLessThanOrEqual(1024);
    },
  );

  it('is noticed if it was not made with lib/alarm.ts', () => {
    const stack = new Stack(new App(), 'stack');
    new Alarm(stack, 'Mute', {
      metric: new Metric({ namespace: 'a', metricName: 'b' }),
      threshold: 1,
      evaluationPeriods: 1,
    });
    expect(() => formatAlarmRunbook(stack)).toThrow('does not explain itself');
  });
});
