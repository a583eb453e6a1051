import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { expect, it } from 'vitest';
import { APPROVED_TAG } from '../../functions/images/schemas.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const { workspaces = expect.fail() } = synthesiseApp().stacks as Record<string, Stack>;
const statements = findTemplateResources(Template.fromStack(workspaces), 'AWS::IAM::Policy').flatMap(
  ([, { Properties }]) =>
    (Properties.PolicyDocument as { Statement: { Action: string | string[]; Resource: unknown; Condition?: object }[] })
      .Statement,
);

it('desktops can be started only from images of this account that somebody approved for this environment', () => {
  const launches = statements.filter(({ Action }) => [Action].flat().includes('ec2:RunInstances'));
  const ofImages = launches.filter(({ Resource }) => /"\*"|image\//.test(JSON.stringify(Resource)));
  expect(ofImages.map(({ Condition }) => Condition)).toEqual([
    { StringEquals: { 'ec2:Owner': '111122223333', [`aws:ResourceTag/${APPROVED_TAG}`]: 'prod' } },
  ]);
});

it('no function of workspaces may approve an image, or write the parameter of one', () => {
  const tagging = statements.filter(({ Action }) => [Action].flat().includes('ec2:CreateTags'));
  for (const { Resource } of tagging) expect(JSON.stringify(Resource)).not.toContain('image/');
  expect(statements.flatMap(({ Action }) => Action).filter(action => action.startsWith('ssm:'))).toEqual([]);
});
