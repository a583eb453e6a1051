import { expect, it } from 'vitest';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const { stacks, templates } = synthesiseApp();

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Principal: { readonly Service?: string };
  readonly Action: string;
  readonly Resource: { readonly Ref?: string };
  readonly Condition?: object;
}

it('lets CloudWatch, for alarms of this account alone, publish to every topic that an alarm names', () => {
  const alarms = Object.values(templates).flatMap(template =>
    findTemplateResources(template, 'AWS::CloudWatch::Alarm'),
  );
  const actions = new Set(alarms.map(([, { Properties }]) => JSON.stringify(Properties.AlarmActions)));
  expect(alarms.length).toBeGreaterThan(20);
  const topics = findTemplateResources(templates.data, 'AWS::SNS::Topic').map(([id]) => id);
  expect(topics).toHaveLength(1);
  for (const action of actions) expect(action).toContain(topics[0]);
  const statements = findTemplateResources(templates.data, 'AWS::SNS::TopicPolicy').flatMap(
    ([, { Properties }]) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement,
  );
  const allowed = statements.filter(
    ({ Effect, Principal }) => Effect === 'Allow' && Principal.Service === 'cloudwatch.amazonaws.com',
  );
  expect(allowed).toEqual([
    expect.objectContaining({
      Action: 'sns:Publish',
      Resource: { Ref: topics[0] },
      Condition: { StringEquals: { 'aws:SourceAccount': stacks.data.resolve(stacks.data.account) } },
    }),
  ]);
});
