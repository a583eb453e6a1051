import { describe, expect, it } from 'vitest';
import { isFolderOpen, sessionEnd, sftpFolders, sftpPolicy } from '../../functions/ingest/sftp.ts';

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
