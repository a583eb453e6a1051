import { describe, expect, it } from 'vitest';
import { Settings } from '../../functions/airlock/request/settings.ts';
import { readConfig } from '../../lib/config.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const config = readConfig('config/production.json');
const { templates } = synthesiseApp(config);
const buckets = findTemplateResources(templates.data, 'AWS::S3::Bucket');

describe.each(['Sealed', 'Released'])('the bucket of what is %s', name => {
  const bucket = buckets.find(([id]) => id.startsWith(`Airlock${name}`))?.[1].Properties;

  it('keeps every version from deletion for as long as configured', () => {
    expect(bucket).toMatchObject({
      ObjectLockEnabled: true,
      ObjectLockConfiguration: {
        Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: config.airlock.lockDays } },
      },
      VersioningConfiguration: { Status: 'Enabled' },
    });
  });

  it('lets nobody override its lock and only the sweeper delete from it', () => {
    const deleting = findTemplateResources(templates.platform, 'AWS::IAM::Policy').flatMap(([id, { Properties }]) => {
      const document = JSON.stringify(Properties.PolicyDocument);
      expect(document).not.toMatch(/BypassGovernance|PutObjectRetention|s3:\*/);
      const { Statement } = Properties.PolicyDocument as { Statement: { Action: unknown; Resource: unknown }[] };
      const deletes = Statement.some(
        ({ Action, Resource }) =>
          JSON.stringify(Action).includes('s3:DeleteObject') && JSON.stringify(Resource).includes(`Airlock${name}`),
      );
      return deletes ? [id.replace(/Role.*$/, '')] : [];
    });
    expect(deleting).toEqual(['AirlockSweeperSweep']);
  });

  it('deletes by itself nothing of what was released, and else only long after the sweeper should have', () => {
    const { Rules } = (bucket?.LifecycleConfiguration ?? { Rules: [] }) as { Rules: { ExpirationInDays?: number }[] };
    const days = Rules.flatMap(({ ExpirationInDays: days }) => (days === undefined ? [] : [days]));
    expect(days.length > 0).toBe(name !== 'Released');
    for (const late of days) expect(late).toBeGreaterThanOrEqual(config.airlock.lockDays + 365);
  });
});

describe('only the release writes where downloads come from', () => {
  const roles = findTemplateResources(templates.platform, 'AWS::IAM::Policy').flatMap(([id, { Properties }]) => {
    const { Statement } = Properties.PolicyDocument as {
      Statement: { Action: string | string[]; Resource: unknown }[];
    };
    const writes = Statement.some(
      ({ Action, Resource }) =>
        [Action].flat().includes('s3:PutObject') &&
        JSON.stringify(Resource).includes('AirlockReleased') &&
        // Nothing is downloaded from among the receipts of deletions.
        !JSON.stringify(Resource).includes('/receipts/*'),
    );
    return writes ? [id.replace(/Role.*$/, '')] : [];
  });
  it('and its signature', () => expect(roles.sort()).toEqual(['AirlockCopy', 'AirlockSign']));

  it('and two functions alone sign: that of releases, and that of receipts of deletions', () => {
    const signers = findTemplateResources(templates.platform, 'AWS::IAM::Policy').filter(([, { Properties }]) =>
      JSON.stringify(Properties.PolicyDocument).includes('kms:Sign'),
    );
    expect(signers.map(([id]) => id.replace(/Role.*$/, ''))).toEqual(['DatasetsErase', 'AirlockSign']);
  });
});

it('the workflow of a review lives as long as the longest review that a project may set', () => {
  const text = JSON.stringify(
    findTemplateResources(templates.platform, 'AWS::StepFunctions::StateMachine').find(([id]) =>
      id.startsWith('AirlockWorkflow'),
    ),
  ).replaceAll('\\', '');
  const longest = Settings.shape.reviewDays.unwrap().maxValue ?? 0;
  const [, deadline] = /"TimeoutSeconds": (\d{6,})n/.exec(text) ?? [];
  expect(Number(deadline)).toBeGreaterThanOrEqual(longest * 24 * 3600);
});

describe('the scan for malware', () => {
  const [[plan, { Properties }] = ['', { Properties: {} }]] = findTemplateResources(
    templates.platform,
    'AWS::GuardDuty::MalwareProtectionPlan',
  ).filter(([id]) => id.startsWith('Airlock'));
  const ref = (id: string) => JSON.stringify(Properties).includes(id);
  const policies = findTemplateResources(templates.data, 'AWS::S3::BucketPolicy').filter(([, policy]) =>
    JSON.stringify(policy.Properties.Bucket).includes('AirlockSealed'),
  );

  it('is of everything that is sealed, and told by tags', () => {
    expect(plan).toMatch(/^AirlockMalwarePlan/);
    expect(Properties).toMatchObject({
      Actions: { Tagging: { Status: 'ENABLED' } },
      ProtectedResource: { S3Bucket: { ObjectPrefixes: ['requests/'] } },
    });
    expect([ref('AirlockSealed'), ref('AirlockMalwareRole')]).toEqual([true, true]);
  });

  it('has tags that nobody else writes or deletes, and no function of ours even asks to', () => {
    const statements = policies.flatMap(
      ([, { Properties }]) => (Properties.PolicyDocument as { Statement: { Sid?: string }[] }).Statement,
    );
    expect(statements.find(({ Sid }) => Sid === 'OnlyTheScanTags')).toMatchObject({
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: [
        's3:DeleteObjectTagging',
        's3:DeleteObjectVersionTagging',
        's3:PutObjectTagging',
        's3:PutObjectVersionTagging',
      ],
      Condition: {
        ArnNotEquals: { 'aws:PrincipalArn': { 'Fn::GetAtt': [expect.stringMatching(/^AirlockMalwareRole/), 'Arn'] } },
      },
    });
    for (const [, { Properties }] of findTemplateResources(templates.platform, 'AWS::IAM::Policy'))
      expect(JSON.stringify(Properties.PolicyDocument)).not.toMatch(/(Put|Delete)Object(Version)?Tagging/);
  });
});
