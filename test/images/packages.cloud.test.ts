import {
  CodeartifactClient,
  DescribePackageCommand,
  DescribePackageGroupCommand,
  PutPackageOriginConfigurationCommand,
} from '@aws-sdk/client-codeartifact';
import { IAMClient, ListRoleTagsCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { ExitError } from '../../bin/cli/exit.ts';
import { PACKAGE_TIER_TAG, type PackageTier, ProjectPackages } from '../../functions/images/packages/schemas.ts';
import { partitions } from '../../functions/keys.ts';
import { connectTestCloud } from '../cloud.ts';
import { buildProjectFor } from '../datasets/harness.ts';
import { type Fault, groupCallsByFunction, watchCalls } from '../faults.ts';
import { signInProjectPerson } from '../projects/harness.ts';
import { selectTrials } from '../trials.ts';
import { openTestTable, waitUntil } from '../workspaces/harness.ts';

const cloud = connectTestCloud();
const iam = new IAMClient(cloud.configuration);
const mirror = new CodeartifactClient(cloud.configuration);
const domain = 'broch-local-packages';
const project = 'pkg-asthma';
const inProject = { params: { project } };
const lifelines = { tier: 2, format: 'pypi', name: 'Lifelines' } as const;
let olga: ApiClient;
let stella: ApiClient;
let rana: ApiClient;
let watch: Awaited<ReturnType<typeof watchCalls>>;

beforeAll(async () => {
  [olga, stella, rana] = await Promise.all([
    signInProjectPerson('pkg-olga', 'operator'),
    signInProjectPerson('pkg-stella', 'steward'),
    signInProjectPerson('pkg-rana', 'researcher'),
  ]);
  await buildProjectFor(olga, rana, project);
});
afterAll(() => watch?.end());

/** The repositories that may fetch a package; the played CodeArtifact writes them into the description. */
const sourcesOf = (packageGroup: string) =>
  mirror.send(new DescribePackageGroupCommand({ domain, packageGroup })).then(
    answer => answer.packageGroup?.description ?? '',
    () => undefined,
  );
const waitForSources = (name: string, sources: string) =>
  waitUntil(
    () => sourcesOf(`/pypi//${name}$`),
    names => names === sources,
  );
const tierTag = async () => {
  const { Tags = [] } = await iam.send(new ListRoleTagsCommand({ RoleName: `broch-local-${project}-instance` }));
  return Tags.find(({ Key }) => Key === PACKAGE_TIER_TAG)?.Value;
};

const places = (name: string) =>
  ['pypi-2', 'tier-2'].map(repository => ({ domain, repository, format: 'pypi', package: name }) as const);
/** Desktops of tier 2 have fetched the package. */
async function fetchPackage(name: string): Promise<void> {
  const restrictions = { publish: 'BLOCK', upstream: 'ALLOW' } as const;
  for (const place of places(name))
    await mirror.send(new PutPackageOriginConfigurationCommand({ ...place, restrictions }));
}
/** The repositories that still hold the package. */
async function findFetched(name: string): Promise<string[]> {
  const repositories = await Promise.all(
    places(name).map(place =>
      mirror.send(new DescribePackageCommand(place)).then(
        () => [place.repository],
        () => [],
      ),
    ),
  );
  return repositories.flat();
}

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
    await waitForSources('lifelines', 'pypi-1,pypi-2');
    const refusal = { ...lifelines, tier: 3, reason: 'Not with these data.' } as const;
    expect(await olga.ask('refusePackage', { body: refusal })).toMatchObject({ status: 'refused' });
    const { items } = await rana.ask('listPackages', { query: { tier: '2' } });
    expect(items.filter(({ name }) => name === 'Lifelines')).toMatchObject([{ tier: 2, status: 'approved' }]);
  });

  it('that is taken back cannot be installed by new desktops: it is neither fetched nor kept', async () => {
    await fetchPackage('lifelines');
    const body = { ...lifelines, reason: 'Its latest release is malicious.' };
    await expect(rana.ask('revokePackage', { body })).rejects.toThrow(/Only/);
    for (const _ of ['once', 'and again'])
      expect(await stella.ask('revokePackage', { body })).toMatchObject({ status: 'revoked', reason: body.reason });
    await waitForSources('lifelines', 'pypi-1');
    await waitUntil(
      () => findFetched('lifelines'),
      repositories => repositories.length === 0,
    );
    const ask = { ...inProject, body: { format: 'pypi', name: 'lifelines', explanation: 'I need it.' } } as const;
    await expect(rana.ask('requestPackage', ask)).rejects.toThrow(/pkg-stella took Lifelines back for tier 2/);
  });
});

/** Repeats a call that failed through a fault, as a person does, until it is done or was done before. */
async function insist(call: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries++)
    try {
      await call();
      return;
    } catch (error) {
      const { message } = error as Error;
      if (/ is approved already/.test(message)) return;
      const isRefused = error instanceof ExitError && error.ending === 'refused';
      if (tries === 3 || (isRefused && !message.includes('still in progress'))) throw error;
    }
}

let trials = 0;
/** A package is asked for, approved and taken back while these faults happen. */
async function playPackage(faults: readonly Fault[]): Promise<void> {
  trials += 1;
  // The name has the project's in it, so that the watch sees what happens to it.
  const place = { tier: 2, format: 'pypi', name: `${project}-${trials}` } as const;
  await watch.rearm(faults);
  const { tier: _, ...request } = place;
  await insist(() => rana.ask('requestPackage', { ...inProject, body: { ...request, explanation: 'A trial.' } }));
  await insist(() => stella.ask('approvePackage', { body: place }));
  await waitForSources(place.name, 'pypi-1,pypi-2');
  await fetchPackage(place.name);
  await insist(() => olga.ask('revokePackage', { body: { ...place, reason: 'A trial.' } }));
  await waitForSources(place.name, 'pypi-1');
  await waitUntil(
    () => findFetched(place.name),
    repositories => repositories.length === 0,
  );
}

/** The tier of the project is set while these faults happen. */
async function playTier(faults: readonly Fault[]): Promise<void> {
  await watch.rearm(faults);
  for (const tier of [3, 2] as const satisfies PackageTier[]) {
    await insist(() => stella.ask('setPackageTier', { ...inProject, body: { tier } }));
    await waitUntil(tierTag, tag => tag === String(tier));
  }
}

/** A sample fails a call of every function, and every operation of AWS. */
const kindsOf = ({ function: name, action = '' }: Fault) => [name, action.split(' ')[0] ?? ''];

it('whichever AWS call of a decision about a package fails, desktops can install in the end what was decided', async () => {
  watch = await watchCalls(cloud, project);
  await playPackage([]);
  const { calls: packageCalls } = await watch.calls();
  await playTier([]);
  const { calls: tierCalls } = await watch.calls();
  const calls = [...packageCalls, ...tierCalls];
  const faults = [...groupCallsByFunction(calls)].flatMap(([name, list]) =>
    name.startsWith('images/packages/')
      ? list.flatMap(({ action, nth }): Fault[] => [
          { function: name, action, nth, how: 'error' },
          ...(action === 'lambda:Invoke' ? [] : [{ function: name, action, nth, how: 'lost' } as const]),
        ])
      : [],
  );
  expect([...new Set(faults.map(({ function: name }) => name))].sort()).toEqual([
    'images/packages/api.lambda.ts POST /packages/approve',
    'images/packages/api.lambda.ts POST /packages/revoke',
    'images/packages/api.lambda.ts POST /projects/{project}/packages',
    'images/packages/api.lambda.ts PUT /projects/{project}/packages/tier',
    'images/packages/apply.lambda.ts',
    'images/packages/tier.lambda.ts',
  ]);
  for (const fault of selectTrials('packages, an AWS call of a decision fails', faults, kindsOf))
    await (fault.function.includes('tier') ? playTier : playPackage)([fault]);
  // Lifelines of tier 3 was refused and all others were taken back, so the project has nothing on the lists.
  const table = await openTestTable(cloud);
  const total = ProjectPackages.parse(await table.get({ pk: partitions.packages, sk: `COUNT#${project}` }));
  expect(total).toEqual({ project, count: 0 });
}, 900_000);
