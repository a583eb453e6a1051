import { expect, it } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const commonActions = ['kms:Decrypt', 'logs:CreateLogStream', 'logs:PutLogEvents'];
const traces = ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'];
const reads = ['s3:GetObject', 's3:GetObjectVersion'];
// Every call asks the user pool for the caller's groups.
const people = ['cognito-idp:AdminGetUser', 'cognito-idp:AdminListGroupsForUser'];

it.each([
  // It unpacks what somebody submitted: whoever took it over could read what is sealed, and leave their name in a trail.
  ['View', [...people, 'dynamodb:GetItem', 'dynamodb:PutItem', ...commonActions, ...reads, ...traces]],
  // Every byte that leaves passes it: whoever took it over could read what was released, and count it.
  [
    'Download',
    [...people, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', ...commonActions, ...reads, ...traces],
  ],
])('the function behind %s has only the rights listed here', (name, actions) => {
  const { templates } = synthesiseApp(readConfig('config/production.json'));
  const [policy, ...otherPolicies] = findTemplateResources(templates.platform, 'AWS::IAM::Policy').filter(([id]) =>
    id.startsWith(`AirlockApi${name}Role`),
  );
  expect(otherPolicies).toEqual([]);
  const { Statement } = (policy?.[1].Properties.PolicyDocument ?? { Statement: [] }) as {
    Statement: { Action: string | string[] }[];
  };
  expect([...new Set(Statement.flatMap(({ Action }) => Action))].sort()).toEqual(actions);
});
