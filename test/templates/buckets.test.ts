import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import { buildNetworkTemplate } from '../../lib/projects.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const config = readConfig('config/production.json');
const { templates } = synthesiseApp(config);
const project = Template.fromStack(buildNetworkTemplate(config).template);
const stackTemplates = [...Object.values(templates), project];

interface Statement {
  readonly Effect: string;
  readonly Principal: unknown;
  readonly Action: string;
  readonly Resource: unknown;
  readonly Condition?: unknown;
}
const buckets = stackTemplates.flatMap(template =>
  findTemplateResources(template, 'AWS::S3::Bucket').map(([id]) => {
    const policies = findTemplateResources(template, 'AWS::S3::BucketPolicy').map(([, policy]) => policy.Properties);
    const policy = policies.find(({ Bucket }) => (Bucket as { Ref?: string }).Ref === id);
    const { Statement: statements = [] } = (policy?.PolicyDocument ?? {}) as { Statement?: Statement[] };
    return { id, statements };
  }),
);

describe('every bucket', () => {
  it('was found', () => expect(buckets.length).toBeGreaterThan(6));

  it.each(buckets)(
    '$id refuses objects under a key of their writer (SSE-C), whoever writes them',
    ({ id, statements }) => {
      expect(statements).toContainEqual(
        expect.objectContaining({
          Effect: 'Deny',
          Principal: { AWS: '*' },
          Action: 's3:PutObject',
          Resource: { 'Fn::Join': ['', [{ 'Fn::GetAtt': [id, 'Arn'] }, '/*']] },
          Condition: { Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'false' } },
        }),
      );
    },
  );
});
