import { readFileSync } from 'node:fs';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import { findPlaceholders } from '../../lib/workflow.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';

const config = readConfig('config/production.json');
const { templates } = synthesiseApp(config);
const buckets = findTemplateResources(templates.data, 'AWS::S3::Bucket');
const bucket = (name: string) => {
  const bucket = buckets.find(([id]) => id.startsWith(`Ingest${name}`));
  if (!bucket) throw new Error(`there is no bucket ${name}`);
  return bucket[1].Properties;
};

describe('the lake', () => {
  it('protects every version from deletion for the configured time', () => {
    expect(bucket('Lake')).toMatchObject({
      ObjectLockEnabled: true,
      ObjectLockConfiguration: {
        Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: config.ingest.lockDays } },
      },
      VersioningConfiguration: { Status: 'Enabled' },
    });
  });

  it('allows nobody to override a lock, and only the deletion of withdrawn datasets to delete', () => {
    for (const [id, { Properties }] of findTemplateResources(templates.platform, 'AWS::IAM::Policy')) {
      const document = JSON.stringify(Properties.PolicyDocument);
      expect(document).not.toMatch(/BypassGovernance|PutObjectRetention|s3:\*/);
      if (document.includes('IngestLake') && !id.startsWith('DatasetsErase'))
        expect(document).not.toContain('s3:DeleteObject');
    }
  });
});

describe('the landing bucket', () => {
  it('keeps originals for the configured time, and aborts incomplete uploads', () => {
    const { landingDays } = config.ingest;
    expect(bucket('Landing')).toMatchObject({
      LifecycleConfiguration: {
        Rules: [
          {
            ExpirationInDays: landingDays,
            NoncurrentVersionExpiration: { NoncurrentDays: landingDays },
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
          },
        ],
      },
      VersioningConfiguration: { Status: 'Enabled' },
    });
  });
});

describe('uploads by web pages', () => {
  it('are accepted from the origins of the configuration, and from none without them', () => {
    expect(bucket('Landing').CorsConfiguration).toBeUndefined();
    const uploadOrigins = ['https://portal.example.org'];
    const { templates: open } = synthesiseApp({ ...config, ingest: { ...config.ingest, uploadOrigins } });
    const [, landing] =
      findTemplateResources(open.data, 'AWS::S3::Bucket').find(([id]) => id.startsWith('IngestLanding')) ?? [];
    expect(landing?.Properties.CorsConfiguration).toEqual({
      CorsRules: [{ AllowedMethods: ['PUT'], AllowedOrigins: uploadOrigins }],
    });
  });
});

describe('the malware scan of deliveries', () => {
  interface Statement {
    Action: string | string[];
    Condition?: Record<string, Record<string, string>>;
  }
  const readsOf = (word: RegExp) =>
    findTemplateResources(templates.platform, 'AWS::IAM::Policy')
      .filter(([id]) => word.test(id))
      .flatMap(([, { Properties }]) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement)
      .filter(({ Action }) => [Action].flat().includes('s3:GetObjectVersion'))
      .filter(statement => JSON.stringify(statement).includes('IngestLanding'))
      .map(({ Condition }) => Condition);

  it('comes before every read: S3 gives the checks clean files only, and malware to nobody', () => {
    const tag = 's3:ExistingObjectTag/GuardDutyMalwareScanStatus';
    expect(readsOf(/^IngestVerifyRole/)).toEqual([{ StringEquals: { [tag]: 'NO_THREATS_FOUND' } }]);
    for (const word of [/^IngestVerifyUnscannedRole/, /^IngestCopyRole/, /^IngestChecksumsRole/])
      expect(readsOf(word)).toEqual([{ StringNotEquals: { [tag]: 'THREATS_FOUND' } }]);
    // The plan reads manifests, which are texts.
    expect(readsOf(/^Ingest(?!Verify|Copy|ChecksumsRole|Plan)/)).toEqual([]);
  });

  it('is of everything that is delivered', () => {
    const plans = findTemplateResources(templates.platform, 'AWS::GuardDuty::MalwareProtectionPlan');
    expect(plans.find(([id]) => id.startsWith('Ingest'))?.[1].Properties).toMatchObject({
      Actions: { Tagging: { Status: 'ENABLED' } },
      ProtectedResource: { S3Bucket: { ObjectPrefixes: ['in/'] } },
    });
  });
});

describe('the upload role', () => {
  it('can be assumed by the function of the API only', () => {
    const [[id] = ['']] = findTemplateResources(templates.platform, 'AWS::IAM::Role').filter(([id]) =>
      id.startsWith('IngestUpload'),
    );
    const [[api] = ['']] = findTemplateResources(templates.platform, 'AWS::IAM::Role').filter(([id]) =>
      id.startsWith('IngestApiRole'),
    );
    templates.platform.templateMatches({
      Resources: {
        [id]: {
          Properties: {
            AssumeRolePolicyDocument: {
              Statement: [
                { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { AWS: { 'Fn::GetAtt': [api, 'Arn'] } } },
              ],
            },
            MaxSessionDuration: 3600,
          },
        },
      },
    });
  });
});

describe('SFTP', () => {
  const { templates: withSftp } = synthesiseApp({ ...config, ingest: { ...config.ingest, sftp: true } });
  const [[, server] = []] = findTemplateResources(withSftp.platform, 'AWS::Transfer::Server');
  const [[signIn = ''] = []] = findTemplateResources(withSftp.platform, 'AWS::Lambda::Function').filter(([id]) =>
    id.startsWith('IngestSftpSignInFunction'),
  );
  const [[, role] = []] = findTemplateResources(withSftp.data, 'AWS::IAM::Role').filter(([id]) =>
    id.startsWith('IngestSftp'),
  );

  it('is deployed only if it is configured', () => {
    expect(findTemplateResources(templates.platform, 'AWS::Transfer::Server')).toEqual([]);
    expect(JSON.stringify(templates.data.toJSON())).not.toContain('transfer.amazonaws.com');
  });

  it('accepts only keys, has a named security policy, and writes a log', () => {
    expect(server?.Properties).toMatchObject({
      Protocols: ['SFTP'],
      Domain: 'S3',
      IdentityProviderType: 'AWS_LAMBDA',
      IdentityProviderDetails: { Function: { 'Fn::GetAtt': [signIn, 'Arn'] }, SftpAuthenticationMethods: 'PUBLIC_KEY' },
      SecurityPolicyName: 'TransferSecurityPolicy-2025-03',
      StructuredLogDestinations: [expect.anything()],
      ProtocolDetails: { SetStatOption: 'ENABLE_NO_OP' },
      S3StorageOptions: { DirectoryListingOptimization: 'ENABLED' },
    });
  });

  it('may call the function that signs partners in, for this endpoint of this account', () => {
    withSftp.platform.hasResourceProperties('AWS::Lambda::Permission', {
      Action: 'lambda:InvokeFunction',
      FunctionName: { 'Fn::GetAtt': [signIn, 'Arn'] },
      Principal: 'transfer.amazonaws.com',
      SourceAccount: config.account,
      SourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^IngestSftpServer'), 'Arn'] },
    });
  });

  it('gives its role to Transfer Family for this account only', () => {
    expect(role?.Properties.AssumeRolePolicyDocument).toMatchObject({
      Statement: [
        {
          Action: 'sts:AssumeRole',
          Principal: { Service: 'transfer.amazonaws.com' },
          Condition: { StringEquals: { 'aws:SourceAccount': config.account } },
        },
      ],
    });
  });

  it('permits the role what a rename needs, no version of an object, and the key only through S3', () => {
    const statements = findTemplateResources(withSftp.data, 'AWS::IAM::Policy')
      .filter(([id]) => id.startsWith('IngestSftp'))
      .flatMap(([, { Properties }]) => (Properties.PolicyDocument as { Statement: { Action: string[] }[] }).Statement);
    expect(statements.flatMap(({ Action }) => Action).sort()).toEqual([
      'kms:Decrypt',
      'kms:GenerateDataKey',
      's3:AbortMultipartUpload',
      's3:DeleteObject',
      's3:GetBucketLocation',
      's3:GetObject',
      's3:GetObject',
      's3:GetObjectTagging',
      's3:ListBucket',
      's3:PutObject',
      's3:PutObjectTagging',
    ]);
    expect(JSON.stringify(statements)).toContain(`"kms:ViaService":"s3.${config.region}.amazonaws.com"`);
  });

  it('may copy the results of the malware scan with a file, and nobody else may write them', () => {
    interface Denial {
      Sid?: string;
      Condition?: { ArnNotEquals?: Record<string, object> };
    }
    const exceptions = (data: typeof templates.data) =>
      findTemplateResources(data, 'AWS::S3::BucketPolicy')
        .filter(([id]) => id.startsWith('IngestLanding'))
        .flatMap(([, { Properties }]) => (Properties.PolicyDocument as { Statement: Denial[] }).Statement)
        .filter(({ Sid }) => Sid === 'OnlyTheScanTags')
        .flatMap(({ Condition }) => [Condition?.ArnNotEquals?.['aws:PrincipalArn']].flat());
    expect(exceptions(templates.data)).toHaveLength(1);
    expect(exceptions(withSftp.data)).toHaveLength(2);
  });
});

describe('the rule', () => {
  it('matches manifests in the landing bucket only', () => {
    templates.platform.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: Match.objectLike({
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: {
          bucket: { name: [{ 'Fn::ImportValue': Match.stringLikeRegexp('IngestLanding') }] },
          object: { key: [{ wildcard: 'in/*/SHA256SUMS' }, { wildcard: 'in/*/manifest-sha256.txt' }] },
        },
      }),
    });
  });
});

describe('the state machine', () => {
  interface State {
    Type: string;
    Catch?: { ErrorEquals: string[] }[];
    TimeoutSeconds?: number;
    ItemProcessor?: { States: Record<string, State> };
  }
  const text = readFileSync('state-machines/ingest.asl.json', 'utf8');
  const { States } = JSON.parse(text) as { States: Record<string, State> };
  const inner = (states: Record<string, State>): [string, State][] =>
    Object.entries(states).flatMap(([name, state]) => [[name, state], ...inner(state.ItemProcessor?.States ?? {})]);

  it('times out and catches everything that can fail', () => {
    for (const [name, state] of inner(States)) {
      const limit = name === 'AwaitApproval' ? '${ApprovalSeconds}' : expect.any(Number);
      if (state.Type === 'Task') expect([name, state.TimeoutSeconds]).toEqual([name, limit]);
    }
    for (const [name, { Type, Catch }] of Object.entries(States)) {
      if (Type === 'Task' || Type === 'Map') expect([name, Catch?.at(-1)?.ErrorEquals]).toEqual([name, ['States.ALL']]);
    }
    expect(findPlaceholders(text)).toEqual([
      'ApprovalSeconds',
      'Approve',
      'Checksum',
      'Concurrency',
      'Copy',
      'Hold',
      'Plan',
      'Register',
      'Verify',
      'VerifyUnscanned',
    ]);
  });
});
