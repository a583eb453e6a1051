import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import { cdkFeatureFlags } from '../../lib/flags.ts';
import { createBrochStacks } from '../../lib/stacks.ts';
import { capabilityWords } from '../house/sources.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const { stacks } = synthesiseApp();
const { airlock = expect.fail() } = stacks as Record<string, Stack>;
const words = Object.keys(stacks);

describe('stacks', () => {
  it('are those of data, events, the gateway, each capability and the dashboard', () => {
    expect([...words].sort()).toEqual(['dashboard', 'data', 'events', 'gateway', ...capabilityWords].sort());
  });

  it.each(Object.entries(stacks))(
    '%s has at most 350 of the 500 resources that CloudFormation takes',
    (word, stack) => {
      const count = Object.keys(Template.fromStack(stack).toJSON().Resources).length;
      console.log(`stack ${word}: ${count} resources`);
      expect(count).toBeLessThanOrEqual(350);
    },
  );

  it.each(Object.entries(stacks))('%s depends on no other stacks than those of the data and the API', (word, stack) => {
    const allowed = { data: [], dashboard: [], api: ['data'] }[word] ?? ['api', 'data'];
    const dependencies = stack.dependencies.map(({ stackName }) => stackName.split('-').at(-1)).sort();
    expect(allowed).toEqual(expect.arrayContaining(dependencies));
    if (allowed.length > 0) expect(dependencies).toContain('data');
  });
});

/** Deletion protection of the stack, of the table and of the user pool. */
function protectionsOf({ data }: Pick<ReturnType<typeof createBrochStacks>, 'data'>) {
  const template = Template.fromStack(data);
  const [[, table] = []] = findTemplateResources(template, 'AWS::DynamoDB::GlobalTable');
  const [[, pool] = []] = findTemplateResources(template, 'AWS::Cognito::UserPool');
  const [replica] = (table?.Properties.Replicas ?? []) as { DeletionProtectionEnabled: boolean }[];
  return [data.terminationProtection, replica?.DeletionProtectionEnabled, pool?.Properties.DeletionProtection];
}

describe('a first deployment that fails', () => {
  it('leaves no resource that CloudFormation cannot delete', () => {
    const app = new App({ context: { ...cdkFeatureFlags, first: 'true' } });
    const first = createBrochStacks(app, readConfig('config/production.json'));
    expect(protectionsOf(first)).toEqual([false, false, 'INACTIVE']);
  });

  it('protects nothing, but every later deployment protects everything', () =>
    expect(protectionsOf({ data: stacks.data })).toEqual([true, true, 'ACTIVE']));

  it.each(Object.entries(stacks))('leaves no resource of the %s stack behind', (_, stack) => {
    const retained = Object.entries(
      Template.fromStack(stack).toJSON().Resources as Record<string, { DeletionPolicy?: string }>,
    ).flatMap(([id, { DeletionPolicy }]) => (DeletionPolicy === 'Retain' ? [id] : []));
    expect(retained).toEqual([]);
  });

  it('does not fail because the role of GuardDuty’s plan is new: an earlier stack deploys the role', () => {
    const [[, plan] = []] = findTemplateResources(Template.fromStack(airlock), 'AWS::GuardDuty::MalwareProtectionPlan');
    expect(plan?.Properties.Role).toMatchObject({ 'Fn::ImportValue': expect.stringContaining('broch-prod-data:') });
  });
});
