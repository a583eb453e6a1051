import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { capabilityWords } from '../house/sources.ts';
import { synthesiseApp } from '../template.ts';

const { stacks } = synthesiseApp();
const words = Object.keys(stacks);

describe('stacks', () => {
  it('are those of data, events, each capability and the dashboard', () => {
    expect([...words].sort()).toEqual(['dashboard', 'data', 'events', ...capabilityWords].sort());
  });

  it.each(Object.entries(stacks))(
    '%s has at most 350 of the 500 resources that CloudFormation takes',
    (word, stack) => {
      const count = Object.keys(Template.fromStack(stack).toJSON().Resources).length;
      console.log(`stack ${word}: ${count} resources`);
      expect(count).toBeLessThanOrEqual(350);
    },
  );

  it.each(Object.entries(stacks))('%s depends on the data and the API at most', (word, stack) => {
    const allowed = { data: [], dashboard: [], api: ['data'] }[word] ?? ['api', 'data'];
    const dependencies = stack.dependencies.map(({ stackName }) => stackName.split('-').at(-1)).sort();
    expect(allowed).toEqual(expect.arrayContaining(dependencies));
    if (allowed.length > 0) expect(dependencies).toContain('data');
  });
});
