import { AwsSolutionsChecks, NIST80053R5Checks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { synthesiseApp } from './template.ts';

const { app, stacks } = synthesiseApp();

describe.each([
  ['AWS Solutions', new AwsSolutionsChecks(app)],
  ['NIST 800-53 revision 5', new NIST80053R5Checks(app)],
])('%s', (_, pack) => {
  it.each(Object.entries(stacks))('finds no violation without a reason in the %s stack', (_, stack) => {
    const { violations } = pack.validateScope(stack);
    const findings = violations.map(
      ({ ruleName, violatingResources }) =>
        `${ruleName} ${violatingResources.map(resource => resource.constructPath ?? resource.resourceLogicalId).join(' ')}`,
    );
    expect(findings).toEqual([]);
  });
});
