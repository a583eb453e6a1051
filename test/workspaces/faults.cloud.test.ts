import {
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rowKey } from '../../functions/keys.ts';
import type { Workspace } from '../../functions/workspaces/schemas.ts';
import { simulateAgents } from '../../local/agent.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, groupCallsByFunction, watchCalls } from '../faults.ts';
import { areTrialsComplete, selectTrials } from '../trials.ts';
import {
  invokeByFile,
  makeReadyProject,
  makeResearchers,
  openTestTable,
  publishTestImage,
  waitUntil,
} from './harness.ts';

const cloud = connectTestCloud();
const ec2 = new EC2Client(cloud.configuration);
const project = 'ws-faults';
const agents = new AbortController();
let people: Awaited<ReturnType<typeof makeResearchers>>;
let watch: Awaited<ReturnType<typeof watchCalls>>;
let id = '';
let snapshot = '';

const rana = () => people['fault-rana'] ?? expect.fail();
const place = () => ({ params: { project, workspace: id } });
const show = () => rana().ask('showWorkspace', place());

beforeAll(async () => {
  const table = await openTestTable(cloud);
  const ownProject = await makeReadyProject(cloud, project);
  await table.put(rowKey('project', project), ownProject);
  await table.put(rowKey('projects', '', `${ownProject.requestedAt}#${project}`), ownProject);
  people = await makeResearchers(cloud, project, ['fault-rana']);
  await publishTestImage(cloud, 'desktop', 'ami-0a0a0a0a0a0a0a0a0');
  const { endpoint, region, credentials } = cloud.configuration;
  void simulateAgents({ endpoint, region, credentials, signal: agents.signal, everyMs: 100, project });
  await askForAnother();
});
afterAll(async () => {
  agents.abort();
  await watch?.end();
});

/** A workspace with a snapshot of its home, whose calls are watched. */
async function askForAnother(): Promise<void> {
  ({ id } = await rana().ask('askWorkspace', { params: { project }, body: { kind: 'desktop', another: true } }));
  await settle('ready', []);
  snapshot = (await rana().ask('snapshotWorkspace', place())).id;
  watch = await watchCalls(cloud, id);
}

const sweep = () => invokeByFile(cloud, 'functions/workspaces/sweep.lambda.ts');

/** What the owner and the sweep do about a workspace that says that something failed. */
async function help(workspace: Workspace, end: Workspace['status']): Promise<void> {
  if (workspace.status === 'failed') await rana().ask('retryWorkspace', place());
  if (['stopped', 'archived'].includes(workspace.status) && end === 'ready')
    await rana().ask('startWorkspace', place());
  if ('reason' in workspace && workspace.problem !== undefined) await sweep();
}

/** After this time without a change the sweep comes, which on AWS comes every quarter of an hour. */
const SWEEP_AFTER_MS = 3000;

/** Waits for the end, and does whatever the workspace asks for on the way. Each help is given once for an attempt. */
async function settle(end: Workspace['status'], faults: readonly Fault[]): Promise<Workspace> {
  let [stay, start] = ['', Date.now()];
  return waitUntil(
    async () => (await show()) as Workspace,
    async workspace => {
      if (workspace.status === end) return true;
      const currentStay = `${workspace.status} ${workspace.attempt} ${workspace.problem ?? ''}`;
      const isLong = Date.now() - start > SWEEP_AFTER_MS;
      if (currentStay === stay && !isLong) return false;
      const task = currentStay === stay ? sweep() : help(workspace, end);
      [stay, start] = [currentStay, Date.now()];
      await task.catch(error => {
        if (faults.length === 0) throw error;
      });
      return false;
    },
  );
}

const filters = () => [{ Name: 'tag:broch:workspace', Values: [id] }];
/** What EC2 has of the workspace: machines that are not terminated, disks with their snapshots, and snapshots. */
async function observe() {
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters: filters() }));
  const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({ Filters: filters() }));
  const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: filters() }));
  const machines = Reservations.flatMap(({ Instances = [] }) => Instances);
  return {
    machines: machines.flatMap(({ State }) => (State?.Name === 'terminated' ? [] : [State?.Name])),
    homes: Volumes.flatMap(({ State, SnapshotId, Attachments = [] }) =>
      Attachments.some(({ Device }) => Device !== '/dev/sdf') ? [] : [`${State} of ${SnapshotId}`],
    ),
    snapshots: Snapshots.length,
  };
}

interface Change {
  readonly title: string;
  readonly begin: () => Promise<unknown>;
  readonly end: Workspace['status'];
  /** The state from which the change begins; a trial before it may have left another one. */
  readonly origin: Workspace['status'];
  readonly remains: () => object;
}
const running = { machines: ['running'], homes: [expect.any(String)], snapshots: 1 };
const usualChanges: readonly Change[] = [
  {
    title: 'a restore',
    begin: () => rana().ask('restoreWorkspace', { ...place(), body: { snapshot } }),
    origin: 'ready',
    end: 'ready',
    remains: () => ({ ...running, homes: [`in-use of ${snapshot}`] }),
  },
  {
    title: 'a stop',
    begin: () => rana().ask('stopWorkspace', { ...place(), body: {} }),
    origin: 'ready',
    end: 'stopped',
    remains: () => ({ ...running, machines: ['stopped'] }),
  },
  {
    title: 'a start',
    begin: () => rana().ask('startWorkspace', place()),
    origin: 'stopped',
    end: 'ready',
    remains: () => running,
  },
];
/** The rest of its life, of which the samples of other files make each change once. */
const rareChanges: readonly Change[] = [
  {
    title: 'a resize',
    begin: async () =>
      rana().ask('resizeWorkspace', {
        ...place(),
        body: { size: (await show()).size === 'small' ? 'large' : 'small' },
      }),
    origin: 'ready',
    end: 'ready',
    remains: () => running,
  },
  {
    title: 'an archive',
    begin: () => rana().ask('archiveWorkspace', place()),
    origin: 'ready',
    end: 'archived',
    remains: () => ({ machines: [], homes: [], snapshots: 2 }),
  },
  {
    title: 'a return from the archive',
    begin: () => rana().ask('startWorkspace', place()),
    origin: 'archived',
    end: 'ready',
    remains: () => ({ ...running, homes: [expect.stringMatching(/^in-use of snap-/)], snapshots: 2 }),
  },
  {
    title: 'a deletion',
    begin: () => rana().ask('deleteWorkspace', place()),
    origin: 'ready',
    end: 'deleted',
    remains: () => ({ machines: [], homes: [], snapshots: 0 }),
  },
];
const changes = areTrialsComplete ? [...usualChanges, ...rareChanges] : usualChanges;

/** Brings the workspace to a status without faults; one that was deleted is replaced by another. */
async function bringTo(status: Workspace['status']): Promise<void> {
  await watch.rearm([]);
  const current = (await show()).status;
  if (current === status) return;
  if (current === 'deleted') {
    await watch.end();
    await askForAnother();
  } else await settle('ready', []);
  if (status === 'stopped') await rana().ask('stopWorkspace', { ...place(), body: {} });
  if (status === 'archived') await rana().ask('archiveWorkspace', place());
  await settle(status, []);
}

/** Makes a change while a fault happens. A call of the API that fails is made again, as its caller would. */
async function makeChange({ begin, end, origin }: Change, faults: readonly Fault[]) {
  await bringTo(origin);
  const { attempt } = await show();
  await watch.rearm(faults);
  const isAnswered = await begin().then(
    () => true,
    error => {
      if (faults.length === 0) throw error;
      return false;
    },
  );
  if ((await show()).attempt === attempt) await begin();
  // What was recorded and not started is started by the next sweep.
  else if (!isAnswered) await sweep();
  const workspace = await waitUntil(
    () => settle(end, faults),
    row => row.attempt > attempt,
  );
  const { calls } = await watch.calls();
  return { workspace, calls, remains: await observe() };
}

/** The steps of a change, and of the start that may follow it. Each is repeated five times by its workflow. */
const watchedFunctions = /^workspaces\/(snapshots|change|wake|launch|wait|ready)\./;

async function listFaults(change: Change): Promise<{ change: Change; fault: Fault }[]> {
  const { calls, remains } = await makeChange(change, []);
  expect([change.title, remains]).toEqual([change.title, expect.objectContaining(change.remains())]);
  return [...groupCallsByFunction(calls)].flatMap(([name, list]) =>
    watchedFunctions.test(name)
      ? list.flatMap(({ action, nth }) =>
          // Refused for good, so that the workflow gives up; done once without an answer, so that it is done again.
          [
            { change, fault: { function: name, action, nth, how: 'error' as const, invocations: 6 } },
            ...(action === 'lambda:Invoke'
              ? []
              : [{ change, fault: { function: name, action, nth, how: 'lost' as const, invocations: 1 } }]),
          ],
        )
      : [],
  );
}

/** A sample fails each call of a change that changes something in EC2. */
const kindsOf = ({ fault: { function: name, action = '', how: kind } }: { fault: Fault }) =>
  /^workspaces\/(change|launch)\./.test(name) &&
  /^ec2:(?!Describe)/.test(action) &&
  kind === (/Create|Delete/.test(action) ? 'lost' : 'error')
    ? [action]
    : [];

it.each(changes)(
  'whichever AWS call of $title fails, the workspace comes to its end with what belongs to it and nothing else',
  async change => {
    const trials = await listFaults(change);
    for (const { fault } of selectTrials(`workspaces, an AWS call of ${change.title} fails`, trials, kindsOf)) {
      const title = `${change.title}: ${fault.function} ${fault.action} ${fault.nth} ${fault.how}`;
      const { remains, workspace } = await makeChange(change, [fault]).catch((error: Error) => {
        throw new Error(`${title}: ${error.message}`);
      });
      expect([title, workspace.status, remains]).toEqual([
        title,
        change.end,
        expect.objectContaining(change.remains()),
      ]);
    }
  },
  3_600_000,
);
