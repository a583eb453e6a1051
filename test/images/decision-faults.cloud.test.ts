import {
  CreateTagsCommand,
  DeleteTagsCommand,
  EC2Client,
  RegisterImageCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { decideImage, type ImageCommand } from '../../functions/images/images.ts';
import { type Image, type ImageName, imageKey } from '../../functions/images/schemas.ts';
import { rowKey } from '../../functions/keys.ts';
import { APPROVED_TAG } from '../../functions/names.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, groupCallsByFunction, watchCalls } from '../faults.ts';
import { signInProjectPerson } from '../projects/harness.ts';
import { selectTrials } from '../trials.ts';
import { invokeByFile, openTestTable } from '../workspaces/harness.ts';
import { failOnce, stubFunctionEnvironment } from './in-process.ts';
import { makeBuildNetwork } from './left-build.ts';
import {
  approveVersion,
  buildImage,
  follow,
  imageRules,
  operatorOlga,
  publishVersion,
  publishWidely,
  runOf,
  withApproved,
} from './lifecycle.ts';

const cloud = connectTestCloud();
/** No other test builds or starts it. */
const image = 'gateway' satisfies ImageName;
const canary = 'imd-canary';
let olga: Awaited<ReturnType<typeof signInProjectPerson>>;
let stella: typeof olga;
let table: Awaited<ReturnType<typeof openTestTable>>;

beforeAll(async () => {
  [olga, stella, table] = await Promise.all([
    signInProjectPerson('imd-olga', 'operator'),
    signInProjectPerson('imd-stella', 'steward'),
    openTestTable(cloud),
  ]);
  await table.put(rowKey('project', canary), { id: canary });
});

// The first version is published to everyone in each of them, and the second is what is decided on.
const published = follow(withApproved(1), publishWidely(1));
const candidate = follow(published, [buildImage, ...runOf(2)]);
const approvedImage = follow(candidate, [approveVersion(candidate, 2)]);
const tried = follow(approvedImage, [publishVersion(2, canary)]);
const replaced = follow(tried, [publishVersion(2)]);
const deprecated = follow(replaced, [{ do: 'deprecate', by: operatorOlga, version: 1 }]);
const reason = 'A test of faults.';
const end = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
const pin = {
  do: 'pin',
  by: operatorOlga,
  version: 1,
  project: canary,
  until: `${end}T00:00:00.000Z`,
  reason,
} as const;
const params = { image, version: 2 };
const former = { image, version: 1 };
const digest = 'digest' in (candidate.versions[1] ?? {}) ? approveVersion(candidate, 2).digest : '';

/** What each route decides: on which row, what the row becomes, and the call of the person. */
const decisions: readonly (readonly [
  route: string,
  before: Image,
  command: ImageCommand,
  ask: () => Promise<unknown>,
])[] = [
  ['approve', candidate, approveVersion(candidate, 2), () => stella.ask('approveImage', { params, body: { digest } })],
  [
    'reject',
    candidate,
    { do: 'reject', by: operatorOlga, version: 2, reason },
    () => stella.ask('rejectImage', { params, body: { reason } }),
  ],
  [
    'publish to a project',
    approvedImage,
    publishVersion(2, canary),
    () => olga.ask('publishImage', { params, body: { project: canary } }),
  ],
  ['publish', tried, publishVersion(2), () => olga.ask('publishImage', { params, body: {} })],
  [
    'rollback',
    // A second rollback would go back further.
    follow(withApproved(3), [1, 2, 3].flatMap(publishWidely)),
    { do: 'rollBack', by: operatorOlga, reason },
    () => olga.ask('rollBackImage', { params: { image }, body: { reason } }),
  ],
  [
    'pin',
    replaced,
    pin,
    () => olga.ask('pinImage', { params: { image, project: canary }, body: { version: 1, until: end, reason } }),
  ],
  [
    'unpin',
    follow(replaced, [pin], new Date().toISOString()),
    { do: 'unpin', by: operatorOlga, project: canary, reason },
    () => olga.ask('unpinImage', { params: { image, project: canary }, body: { reason } }),
  ],
  [
    'deprecate',
    replaced,
    { do: 'deprecate', by: operatorOlga, version: 1 },
    () => olga.ask('deprecateImage', { params: former }),
  ],
  [
    'retire',
    deprecated,
    { do: 'retire', by: operatorOlga, version: 1, instances: [], queues: [] },
    () => olga.ask('retireImage', { params: former }),
  ],
];

/** What counts of a row: who starts from which version. */
const outline = ({ versions, pins }: Image) => ({
  versions: versions.map(version => ({
    version: version.version,
    status: version.status,
    ...(version.status === 'published' && { reach: version.reach, project: version.project }),
  })),
  pins: pins.map(({ project, version }) => ({ project, version })),
});
const leave = (row: Image) => table.put(imageKey(image), { ...row, image });
const readRow = async () => (await table.get(imageKey(image))) as unknown as Image & { revision: number };
const outcomeOf = (row: Image, command: ImageCommand) =>
  outline(decideImage(row, command, imageRules, new Date().toISOString()).state);

/** Each call of the functions: refused, and where it writes also carried out without an answer. */
const faultsOf = (calls: Parameters<typeof groupCallsByFunction>[0], functions: RegExp) =>
  [...groupCallsByFunction(calls)].flatMap(([name, list]) =>
    functions.test(name)
      ? list.flatMap(({ action, nth }): Fault[] => [
          { function: name, action, nth, how: 'error' },
          ...(/Write|Put/.test(action) ? [{ function: name, action, nth, how: 'lost' } as const] : []),
        ])
      : [],
  );
/** Asks again, as a person does whose earlier try may still be in progress, and who sees that nothing was decided. */
const insist = (ask: () => Promise<unknown>) =>
  ask().catch(async (error: Error) => {
    if (!error.message.includes('still in progress')) throw error;
    if ((await readRow()).revision === 1) await ask();
  });
const titleOf = ({ function: name, action, nth, how: kind }: Fault) => `${name} ${action} ${nth} ${kind}`;

describe('whichever AWS call fails once,', () => {
  it('a decision is made exactly once, and never another one', async () => {
    const watch = await watchCalls(cloud, image);
    try {
      const trials: { route: string; fault: Fault }[] = [];
      for (const [route, source, command, ask] of decisions) {
        await watch.rearm([]);
        await leave(source);
        await ask();
        const { revision, ...row } = await readRow();
        expect([route, outline(row), revision]).toEqual([route, outcomeOf(source, command), 2]);
        const faults = faultsOf((await watch.calls()).calls, /^images\/api\./);
        expect(faults.length, route).toBeGreaterThan(5);
        trials.push(...faults.map(fault => ({ route, fault })));
      }
      // A sample fails every operation of AWS, and one call of each route.
      const sample = selectTrials('images, an AWS call of a decision fails', trials, ({ route, fault }) => [
        route,
        fault.action ?? '',
      ]);
      for (const { route, fault } of sample) {
        const [, source, command, ask] = decisions.find(([name]) => name === route) ?? [];
        if (!source || !command || !ask) throw new Error(route);
        await leave(source);
        await watch.rearm([fault]);
        await insist(ask);
        const { revision, ...row } = await readRow();
        const title = `${route}: ${titleOf(fault)}`;
        expect([title, (await watch.calls()).unmet]).toEqual([title, []]);
        expect([title, outline(row), revision]).toEqual([title, outcomeOf(source, command), 2]);
      }
    } finally {
      await watch.end();
    }
  });

  it('the failure of a run is recorded once, and what is published stays', async () => {
    const source = follow(published, [buildImage]);
    const step = { image, version: 2, attempt: 1, caught: { Error: 'States.Timeout' } };
    const file = 'functions/images/fail.lambda.ts';
    const watch = await watchCalls(cloud, image);
    try {
      await leave(source);
      await invokeByFile(cloud, file, step);
      const faults = faultsOf((await watch.calls()).calls, /^images\/fail\./);
      expect(faults.length).toBeGreaterThanOrEqual(3);
      for (const fault of faults.filter(({ action }) => action !== 'lambda:Invoke')) {
        await leave(source);
        await watch.rearm([fault]);
        // The workflow repeats a step that fails.
        for (const _ of ['first', 'again']) await invokeByFile(cloud, file, step);
        const { revision, ...row } = await readRow();
        const command = { do: 'recordFailure', version: 2, attempt: 1, reason: '' } as const;
        expect([titleOf(fault), (await watch.calls()).unmet]).toEqual([titleOf(fault), []]);
        expect([titleOf(fault), outline(row), revision]).toEqual([titleOf(fault), outcomeOf(source, command), 2]);
      }
    } finally {
      await watch.end();
    }
  });
});

describe('the network of builds', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  it('loses what a stopped build left, whichever AWS call fails first, and nothing while a build runs', async () => {
    stubFunctionEnvironment(cloud);
    const { clearBuildNetwork } = await import('../../functions/images/build-network.ts');
    const { network, start, stop, see } = await makeBuildNetwork(cloud, 'imd-builds');
    const [occupied, empty] = [
      { waysOut: 1, machines: 1 },
      { waysOut: 0, machines: 0 },
    ];
    for (const call of [
      ...['ListBuildsForProject', 'BatchGetBuilds', 'DescribeRouteTables'],
      ...['DeleteRoute', 'DescribeInstances', 'TerminateInstances'],
    ]) {
      const build = await start();
      expect(await clearBuildNetwork(network)).toEqual([]);
      expect([call, await see()]).toEqual([call, occupied]);
      await stop(build);
      failOnce(call, [network.project, network.routes, network.subnet, 'i-']);
      await expect(clearBuildNetwork(network)).rejects.toThrow(call);
      vi.restoreAllMocks();
      expect((await clearBuildNetwork(network)).length).toBeGreaterThan(0);
      expect([call, await see()]).toEqual([call, empty]);
      expect(await clearBuildNetwork(network)).toEqual([]);
    }
  });
});

describe('the gateway', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('is joined with projects only if its machine was made from an approved image', async () => {
    stubFunctionEnvironment(cloud);
    const { findGatewayDoor } = await import('../../functions/awake/doorway.ts');
    const environment = 'imd-gateway';
    expect(await findGatewayDoor(environment)).toMatchObject({ vpc: '' });
    const ec2 = new EC2Client(cloud.configuration);
    const { network } = await makeBuildNetwork(cloud, environment);
    const { ImageId = '' } = await ec2.send(new RegisterImageCommand({ Name: environment }));
    const tags = [{ Key: 'broch:gateway', Value: environment }];
    await ec2.send(
      new RunInstancesCommand({
        ImageId,
        MinCount: 1,
        MaxCount: 1,
        SubnetId: network.subnet,
        TagSpecifications: [{ ResourceType: 'instance', Tags: tags }],
      }),
    );
    await expect(findGatewayDoor(environment)).rejects.toThrow(/not approved, so it is not started/);
    const tagging = (Value: string) => ({ Resources: [ImageId], Tags: [{ Key: APPROVED_TAG, Value }] });
    await ec2.send(new CreateTagsCommand(tagging('elsewhere')));
    await expect(findGatewayDoor(environment)).rejects.toThrow(ImageId);
    await ec2.send(new CreateTagsCommand(tagging(environment)));
    expect(await findGatewayDoor(environment)).toEqual({
      vpc: expect.stringMatching(/^vpc-/),
      cidr: '10.98.0.0/24',
      routes: network.routes,
    });
    await ec2.send(new DeleteTagsCommand(tagging(environment)));
    await expect(findGatewayDoor(environment)).rejects.toThrow(/publishes a version/);
  });
});
