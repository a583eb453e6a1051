import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import { ACCESS_MARKER, formatAccess, listEndpoints } from '../../lib/access-page.ts';
import { readConfig, withEveryOption } from '../../lib/config.ts';
import { synthesiseTemplates } from '../../lib/deployed-templates.ts';
import { renewPage } from '../../lib/generated-page.ts';

const text = readFileSync('docs/access.md', 'utf8');
const templates = synthesiseTemplates(withEveryOption(readConfig('config/production.json')));
const endpoints = listEndpoints(templates);

describe('the page on access', () => {
  it('contains exactly what `npm run access` writes', () =>
    expect(renewPage(text, ACCESS_MARKER, formatAccess(routes, templates))).toBe(text));

  it('lists endpoints of every kind', () =>
    expect(new Set(endpoints.map(({ kind }) => kind))).toEqual(
      new Set(['bucket', 'topic', 'queue', 'access point', 'VPC endpoint', 'key', 'event bus', 'table', 'secret']),
    ));
});

describe('an endpoint', () => {
  it.each(endpoints)('$kind $name is open to no other account', ({ principals }) =>
    expect(principals).not.toContain('anybody'),
  );

  it('that people reach with credentials of their own is an upload, their project, or the key or way to either', () =>
    expect(endpoints.filter(({ members }) => members.length > 0).map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'key CoreKey',
      'bucket IngestLanding',
      'bucket AirlockUploads',
      'key StorageKey',
      'bucket StorageBucket',
      'VPC endpoint S3',
    ]));

  it('that a policy opens to everybody counts as open', () => {
    const policy = { Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Principal: '*' }] };
    const template = {
      Open: { Type: 'AWS::S3::Bucket' },
      Policy: { Type: 'AWS::S3::BucketPolicy', Properties: { Bucket: { Ref: 'Open' }, PolicyDocument: policy } },
    };
    expect(listEndpoints([template])[0]?.principals).toEqual(['anybody']);
  });
});
