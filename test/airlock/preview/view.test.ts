import { expect, it } from 'vitest';
import { readConfig } from '../../../lib/config.ts';
import { resources, synthesise } from '../../template.ts';

/** It unpacks what somebody submitted: whoever took it over could read what is sealed, and leave their name in a trail. */
it('the function that draws files anew may do no more than that', () => {
  const { templates } = synthesise(readConfig('config/production.json'));
  const [found, ...others] = resources(templates.platform, 'AWS::IAM::Policy').filter(([id]) =>
    id.startsWith('AirlockViewRole'),
  );
  expect(others).toEqual([]);
  const { Statement } = (found?.[1].Properties.PolicyDocument ?? { Statement: [] }) as {
    Statement: { Action: string | string[] }[];
  };
  expect([...new Set(Statement.flatMap(({ Action }) => Action))].sort()).toEqual([
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'kms:Decrypt',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    's3:GetObject',
    's3:GetObjectVersion',
    'xray:PutTelemetryRecords',
    'xray:PutTraceSegments',
  ]);
});
