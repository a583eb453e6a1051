import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { expect, it } from 'vitest';
import { APPROVED_TAG } from '../../functions/names.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';
import { patternsMeet } from '../templates/iam-reference.ts';

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

/** The text of a value of a template, as CloudFormation makes it of its parts. */
const resolveText = (value: unknown): string => {
  if (typeof value === 'string') return value;
  const { Ref: reference, 'Fn::Join': join } = value as { Ref?: string; 'Fn::Join'?: [string, unknown[]] };
  if (reference !== undefined) return reference === 'AWS::Partition' ? 'aws' : reference;
  return join ? join[1].map(resolveText).join(join[0]) : JSON.stringify(value);
};

/** What IAM decides about a launch from an image with these facts, by the policies of the deployed functions. */
function simulateLaunch(image: Readonly<Record<string, string>>): boolean {
  const holds = (condition: object = {}) =>
    Object.entries(condition as Record<string, Record<string, unknown>>).every(([operator, keys]) => {
      if (operator !== 'StringEquals') throw new Error(`${operator} is not simulated`);
      return Object.entries(keys).every(([name, value]) => [value].flat().includes(image[name]));
    });
  return statements.some(
    ({ Action, Resource, Condition }) =>
      [Action].flat().includes('ec2:RunInstances') &&
      [Resource]
        .flat()
        .some(text => patternsMeet(resolveText(text), 'arn:aws:ec2:eu-west-2::image/ami-0123456789abcdef0')) &&
      holds(Condition),
  );
}

const ownImage = { 'ec2:Owner': '111122223333' };
const tag = `aws:ResourceTag/${APPROVED_TAG}`;
it.each([
  ['approved', { ...ownImage, [tag]: 'prod' }, true],
  ['that nobody approved', ownImage, false],
  // Deprecation takes the tag away: functions/images/label.lambda.ts.
  ['that is deprecated', ownImage, false],
  ['approved in another environment', { ...ownImage, [tag]: 'test' }, false],
  ['of another account', { 'ec2:Owner': '999988887777' }, false],
  ['of another account that calls itself approved', { 'ec2:Owner': '999988887777', [tag]: 'prod' }, false],
  ['of Amazon', { 'ec2:Owner': 'amazon' }, false],
] as const)('IAM decides about a launch from an image %s', (_, image, isAllowed) =>
  expect(simulateLaunch(image)).toBe(isAllowed),
);
