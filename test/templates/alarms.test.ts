import { describe, expect, it } from 'vitest';
import { explainAlarms } from '../../lib/runbook.ts';
import { findTemplateResources, synthesiseApp, type TemplateResource } from '../template.ts';
import { listMachineSteps, listUntoldFailures, meantWays, type TemplateResources } from './failures.ts';

const { app, stacks, templates } = synthesiseApp();
const resources: TemplateResources = Object.assign(
  {},
  ...Object.values(templates).map(template => template.toJSON().Resources as TemplateResources),
);
const alarms = Object.values(templates).flatMap(template => findTemplateResources(template, 'AWS::CloudWatch::Alarm'));
const names = alarms.map(([, { Properties }]) => String(Properties.AlarmName)).sort();

it('every alarm goes to the one alarm topic', () => {
  const actions = new Set(alarms.map(([, { Properties }]) => JSON.stringify(Properties.AlarmActions)));
  expect(alarms.length).toBeGreaterThan(20);
  const topics = findTemplateResources(templates.data, 'AWS::SNS::Topic').map(([id]) => id);
  expect(topics).toHaveLength(1);
  for (const action of actions) expect(action).toContain(topics[0]);
});

it('an alarm on a rule names the rule, and also the bus if it is not the default bus', () => {
  const counting = alarms.filter(([, { Properties }]) => Properties.Namespace === 'AWS/Events');
  const dimensions = counting.map(([, { Properties }]) =>
    Object.fromEntries(
      (Properties.Dimensions as { Name: string; Value: unknown }[]).map(({ Name, Value }) => [Name, Value]),
    ),
  );
  const ofRules = dimensions.map(({ RuleName, ...dimensions }) => {
    const id = /"Ref":"(\w+)"|"Fn::GetAtt":\["(\w+)"/.exec(JSON.stringify(RuleName))?.slice(1).find(Boolean) ?? '';
    const { EventBusName } = resources[id]?.Properties ?? {};
    expect(resources[id]?.Type).toBe('AWS::Events::Rule');
    // The name of a rule on another bus is the third part of its ARN; `Ref` is both names there.
    const ownName = EventBusName
      ? { 'Fn::Select': [2, { 'Fn::Split': ['/', { 'Fn::GetAtt': [id, 'Arn'] }] }] }
      : { Ref: id };
    expect({ RuleName, ...dimensions }).toEqual({
      RuleName: ownName,
      ...(EventBusName !== undefined && { EventBusName }),
    });
    return EventBusName === undefined ? 'account' : 'own';
  });
  expect(ofRules.sort()).toEqual(['account', 'account', 'account', 'own', 'own']);
});

describe('alarms on failures', () => {
  it('report within an hour that a function or an execution failed, or that a message was not delivered', () => {
    expect(listUntoldFailures(resources)).toEqual([]);
    expect(Object.values(resources).filter(({ Type }) => Type === 'AWS::Lambda::Function').length).toBeGreaterThan(40);
  });

  // Rules count events that are no failure: malware, much that is submitted, and too few reviewers.
  const ofFailures = alarms.filter(([, { Properties }]) => Properties.Namespace !== 'AWS/Events');
  it.each(ofFailures.map(([id, { Properties }]) => [String(Properties.AlarmName), id]))(
    'report each failure once: without %s, one would go unnoticed',
    (_, id) => {
      const { [id]: alarm, ...rest } = resources;
      expect(alarm).toBeDefined();
      expect(listUntoldFailures(rest)).not.toEqual(listUntoldFailures(resources));
    },
  );

  it('watch a function itself only where no other alarm reports its failure', () => {
    const functionAlarms = alarms.flatMap(([, { Properties }]) =>
      Properties.Namespace === 'AWS/Lambda' ? [Properties] : [],
    );
    expect(functionAlarms.map(({ AlarmName }) => String(AlarmName).split('/').slice(1).join('/')).sort()).toEqual([
      'Airlock/AwaitDecision/Errors',
      'Airlock/Sweeper/Sweep/Errors',
      'Datasets/Erasure/Errors',
      'Datasets/Owners/Errors',
      'Datasets/Reminders/Errors',
      'Enclaves/Sweeper/Errors',
      'Events/Publish/Late',
      'Images/Upkeep/Errors',
      'Ingest/Overdue/Daily/Errors',
      'Ingest/Sftp/SignIn/Errors',
      'Workspaces/Rotation/Errors',
      'Workspaces/Sweeper/Sweep/Errors',
    ]);
    expect(new Set(functionAlarms.map(({ Dimensions }) => JSON.stringify(Dimensions))).size).toBe(
      functionAlarms.length,
    );
  });

  it('the test notices a step whose catch leads to a successful end', () => {
    const machine = (next: string): TemplateResource => ({
      Type: 'AWS::StepFunctions::StateMachine',
      Properties: {
        DefinitionSubstitutions: { Copy: { 'Fn::GetAtt': ['CopyFunction', 'Arn'] } },
        DefinitionString: JSON.stringify({
          States: {
            Copy: {
              Type: 'Map',
              ItemProcessor: { States: { One: { Type: 'Task', Arguments: { FunctionName: '${Copy}' } } } },
              Catch: [{ ErrorEquals: ['States.ALL'], Next: next }],
              Next: 'Done',
            },
            Note: { Type: 'Pass', Next: 'Done' },
            Done: { Type: 'Succeed' },
            Broken: { Type: 'Fail' },
          },
        }),
      },
    });
    const step = { state: 'One', target: 'CopyFunction' };
    expect(listMachineSteps(machine('Note'))).toEqual([{ ...step, goodEnds: ['Done'] }]);
    expect(listMachineSteps(machine('Broken'))).toEqual([{ ...step, goodEnds: [] }]);
  });

  it('the successful ends that the test permits after a failure exist in the state machines', () => {
    const machines = Object.values(resources).filter(({ Type }) => Type === 'AWS::StepFunctions::StateMachine');
    const text = machines.map(({ Properties }) => String(Properties.DefinitionString)).join('\n');
    for (const way of Object.keys(meantWays))
      for (const state of way.split(' > ')) expect(text, way).toContain(`"${state}": {`);
  });
});

describe('the dashboard', () => {
  const [[, dashboard] = ['', undefined], ...dashboards] = findTemplateResources(
    templates.platform,
    'AWS::CloudWatch::Dashboard',
  );
  const body = dashboard?.Properties.DashboardBody as { 'Fn::Join': [string, (string | object)[]] } | undefined;
  const parts = body?.['Fn::Join'][1] ?? [];
  const { widgets } = JSON.parse(parts.map(part => (typeof part === 'string' ? part : 'eu-west-2')).join('')) as {
    widgets: { type: string; properties: { title: string; alarms?: string[]; metrics?: unknown } }[];
  };

  it('is the only one, and shows every alarm under its severity', () => {
    expect(dashboards).toEqual([]);
    const titles = widgets.flatMap(({ properties: { title, alarms = [] } }) =>
      alarms.map(arn => `${title} ${arn.split(':alarm:')[1]}`),
    );
    const explanations = explainAlarms(app).map(({ severity, alarmName }) => `Severity: ${severity} ${alarmName}`);
    expect(titles.sort()).toEqual(explanations.sort());
    expect(explanations.map(line => line.split(' ')[2]).sort()).toEqual(names);
  });

  it('shows the errors of each capability’s functions', () => {
    const titles = widgets.flatMap(({ type, properties: { title } }) =>
      type === 'metric' ? [title.split(':')[0]] : [],
    );
    const running = Object.entries(stacks).flatMap(([word, stack]) =>
      stack.node.findAll().some(child => child.node.id === 'Function') ? [word] : [],
    );
    expect(titles.sort()).toEqual(running.sort());
  });
});
