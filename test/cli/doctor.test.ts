import { describe, expect, it } from 'vitest';
import {
  judgeConcurrency,
  judgeCostTag,
  judgeImage,
  judgeProtection,
  judgeQuota,
  judgeRules,
  judgeScanPlan,
  judgeSubscriptions,
  judgeVcpus,
  unreadable,
} from '../../bin/cli/doctor-findings.ts';

const vpcs = { check: 'vpcs', name: 'VPCs per Region', service: 'vpc', quota: 5 };
const confirmed = 'arn:aws:sns:eu-west-2:111122223333:alarms:0';

describe('broch doctor', () => {
  it.each([
    ['a region without room for a VPC', judgeQuota({ ...vpcs, used: 5 }), 'Service Quotas (service vpc)'],
    ['the concurrency of a new account', judgeConcurrency(10), 'at least 100'],
    ['no vCPUs for a desktop', judgeVcpus('Running', 5), 'Service Quotas (service ec2)'],
    ['too few rules for the gateway', judgeRules('Rules', 30), 'at most 200'],
    ['a tag that is not active', judgeCostTag(new Map([['broch:project', 'Inactive']]), 'broch:project'), 'Activate'],
    ['a tag that AWS does not list yet', judgeCostTag(new Map(), 'broch:project'), 'up to a day'],
    ['an address that was not confirmed', judgeSubscriptions(['PendingConfirmation', confirmed]), 'Follow the link'],
    ['a topic without subscriptions', judgeSubscriptions([]), 'alarms.email'],
    ['a scan in trouble', judgeScanPlan('WARNING', ['The role cannot read']), 'Deploy the stacks'],
    ['an image that is not published', judgeImage('desktop', undefined), 'broch image build'],
    ['an image that was deleted', judgeImage('windows', 'deleted'), 'broch image build'],
    ['a data stack that anybody can delete', judgeProtection('broch-prod-data', false), 'without `-c first=true`'],
  ])('says what to do about %s', (_, { status, remedy }, words) => {
    expect(status).toBe('action');
    expect(remedy).toContain(words);
  });

  it.each([
    judgeQuota({ ...vpcs, used: 4 }),
    judgeConcurrency(1000),
    judgeVcpus('Running', 32),
    judgeRules('Rules', 60),
    judgeCostTag(new Map([['broch:project', 'Active']]), 'broch:project'),
    judgeSubscriptions([confirmed]),
    judgeScanPlan('ACTIVE', []),
    judgeImage('desktop', 'available'),
    judgeProtection('broch-prod-data', true),
  ])('has nothing to say about what is in order: $message', ({ status, remedy }) => {
    expect([status, remedy]).toEqual(['ok', undefined]);
  });

  it('names the reasons of GuardDuty', () =>
    expect(judgeScanPlan('ERROR', ['The role cannot read']).message).toContain('The role cannot read'));

  it('goes on where it may not read something, and says so', () =>
    expect(unreadable('vpcs', new Error('AccessDenied'))).toMatchObject({
      status: 'unknown',
      message: expect.stringContaining('AccessDenied'),
    }));
});
