import { CodeartifactClient, DescribePackageGroupCommand } from '@aws-sdk/client-codeartifact';
import { IAMClient, ListRoleTagsCommand } from '@aws-sdk/client-iam';
import { beforeAll, describe, expect, it } from 'vitest';
import { PACKAGE_TIER_TAG } from '../../functions/images/packages/schemas.ts';
import { connectTestCloud } from '../cloud.ts';
import { buildProjectFor } from '../datasets/harness.ts';
import { signInProjectPerson } from '../projects/harness.ts';
import { waitUntil } from '../workspaces/harness.ts';

const cloud = connectTestCloud();
const iam = new IAMClient(cloud.configuration);
const mirror = new CodeartifactClient(cloud.configuration);
const project = 'pkg-asthma';
const inProject = { params: { project } };
const lifelines = { tier: 2, format: 'pypi', name: 'Lifelines' } as const;
let olga: Awaited<ReturnType<typeof signInProjectPerson>>;
let stella: typeof olga;
let rana: typeof olga;

beforeAll(async () => {
  [olga, stella, rana] = await Promise.all([
    signInProjectPerson('pkg-olga', 'operator'),
    signInProjectPerson('pkg-stella', 'steward'),
    signInProjectPerson('pkg-rana', 'researcher'),
  ]);
  await buildProjectFor(olga, rana, project);
}, 120_000);

/** The repositories that may fetch a package; the played CodeArtifact writes them into the description. */
const sourcesOf = (packageGroup: string) =>
  mirror.send(new DescribePackageGroupCommand({ domain: 'broch-local-packages', packageGroup })).then(
    answer => answer.packageGroup?.description,
    () => undefined,
  );
const tierTag = async () => {
  const { Tags = [] } = await iam.send(new ListRoleTagsCommand({ RoleName: `broch-local-${project}-instance` }));
  return Tags.find(({ Key }) => Key === PACKAGE_TIER_TAG)?.Value;
};

describe('a package', () => {
  it('is asked for on the list of the strictest tier until a data steward sets another', async () => {
    const ask = { ...inProject, body: { format: 'pypi', name: 'Lifelines', explanation: 'Survival models.' } } as const;
    expect(await rana.ask('requestPackage', ask)).toMatchObject({ tier: 3, status: 'requested' });
    await expect(rana.ask('setPackageTier', { ...inProject, body: { tier: 1 } })).rejects.toThrow(/Only/);
    expect(await tierTag()).toBeUndefined();
    expect(await stella.ask('setPackageTier', { ...inProject, body: { tier: 2 } })).toMatchObject({ tier: 2 });
    await waitUntil(tierTag, tag => tag === '2');
    expect(await rana.ask('requestPackage', ask)).toMatchObject({ tier: 2, status: 'requested' });
  });

  it('can be fetched for a tier once somebody approved it there, and for no other', async () => {
    await expect(rana.ask('approvePackage', { body: lifelines })).rejects.toThrow(/Only/);
    expect(await sourcesOf('/pypi//lifelines$')).toBeUndefined();
    expect(await stella.ask('approvePackage', { body: lifelines })).toMatchObject({ status: 'approved' });
    await waitUntil(
      () => sourcesOf('/pypi//lifelines$'),
      names => names === 'pypi-1,pypi-2',
    );
    const refusal = { ...lifelines, tier: 3, reason: 'Not with these data.' } as const;
    expect(await olga.ask('refusePackage', { body: refusal })).toMatchObject({ status: 'refused' });
    const { items } = await rana.ask('listPackages', { query: { tier: '2' } });
    expect(items.filter(({ name }) => name === 'Lifelines')).toMatchObject([{ tier: 2, status: 'approved' }]);
  });
});
