import { DynamoDBClient, ListTablesCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { marshall } from '@aws-sdk/util-dynamodb';
import { askForCourse } from '../../bin/cli/launch.ts';
import { memberKey } from '../../functions/membership.ts';
import type { CloudFacts } from '../deployed-cloud.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import { tellImages } from '../story/images.ts';
import { pollUntilSettled } from '../story/until.ts';
import { assertHolds } from '../story.ts';
import { type ExecutionCourse, listCallsBetween, openCapabilityMachine } from './record.ts';
import { type BenchLog, type BenchScene, withBenchScene } from './scene.ts';
import { endWorkers, watchWorkers } from './workers.ts';

const waves = [1, 10, 100] as const;

/** Of a hundred launches, these calls are refused at first for their number, and these for good. */
const THROTTLED_LAUNCHES = 20;
const FAILING_LAUNCHES = 5;

/** Members of a project, as the table has them. Their sign-in is not what is measured. */
async function addMembers(facts: CloudFacts, project: string, count: number): Promise<string[]> {
  const client = new DynamoDBClient(clientConfigFor(facts, rootCredentialsFor(facts.account)));
  const { TableNames = [] } = await client.send(new ListTablesCommand({}));
  const TableName = TableNames.find(name => name.startsWith('broch-local-data'));
  const ids = Array.from({ length: count }, (_, index) => `${project}-person-${index + 1}`);
  for (const user of ids) {
    const member = { user, name: user, roles: ['researcher'], since: new Date().toISOString(), revision: 1 };
    await client.send(new PutItemCommand({ TableName, Item: marshall({ ...memberKey(project, user), ...member }) }));
  }
  client.destroy();
  return ids;
}

async function openProject({ stage }: BenchScene, project: string): Promise<void> {
  const olga = stage.as('olga');
  await olga.ask('createProject', { body: { id: project, title: `Bench ${project}` } });
  const { status } = await pollUntilSettled(
    () => olga.ask('showProject', { params: { project } }),
    answer => answer.status !== 'provisioning',
    300,
  );
  assertHolds(status === 'ready', `project ${project} is ${status}`);
  await olga.ask('addMember', { params: { project, name: 'rana' }, body: { roles: ['lead'] } });
}

interface Wave {
  readonly courses: readonly ExecutionCourse[];
  readonly ready: number;
  readonly failedWithReason: number;
  /** Machines that no ready workspace has, and ready workspaces without exactly one. */
  readonly strays: number;
  readonly seconds: number;
}

/** Launches a course at once and follows each to its end. */
async function launchCourse({ stage }: BenchScene, project: string, members: readonly string[]): Promise<Wave> {
  const { facts } = stage;
  const rana = stage.as('rana');
  const { sfn, arn, course } = await openCapabilityMachine(facts, 'WorkspacesWorkflow');
  const start = Date.now();
  const params = { project };
  const entries = await askForCourse(rana, { project, kind: 'desktop', size: 'small', names: members });
  const answers = entries.map(({ name, workspace, reason }) => {
    assertHolds(workspace, `${name} was refused: ${reason}`);
    return { id: workspace };
  });
  const courses: ExecutionCourse[] = [];
  for (const { id } of answers) courses.push(await course(`${arn.replace(':stateMachine:', ':execution:')}:${id}-1`));
  sfn.destroy();
  const views = [];
  for (const { id } of answers) views.push(await rana.ask('showWorkspace', { params: { ...params, workspace: id } }));
  const readyIds = views.filter(({ status }) => status === 'ready').map(({ id }) => id);
  const ec2 = new EC2Client(clientConfigFor(facts, rootCredentialsFor(facts.account)));
  const { Reservations = [] } = await ec2.send(
    new DescribeInstancesCommand({
      Filters: [
        { Name: 'tag:broch:project', Values: [project] },
        { Name: 'tag-key', Values: ['broch:workspace'] },
        { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
      ],
    }),
  );
  ec2.destroy();
  const owners = Reservations.flatMap(({ Instances = [] }) => Instances).map(
    ({ Tags = [] }) => Tags.find(({ Key }) => Key === 'broch:workspace')?.Value ?? '',
  );
  const strays = owners.filter(id => !readyIds.includes(id)).length;
  const unmatched = readyIds.filter(id => owners.filter(owner => owner === id).length !== 1).length;
  return {
    courses,
    ready: readyIds.length,
    failedWithReason: views.filter(view => view.status === 'failed' && view.reason !== '').length,
    strays: strays + unmatched,
    seconds: (Math.max(...courses.map(({ end }) => end.getTime())) - start) / 1000,
  };
}

async function measureWave(scene: BenchScene, size: number): Promise<Record<string, number>> {
  const { facts } = scene.stage;
  const project = `course-${size}`;
  await openProject(scene, project);
  const members = await addMembers(facts, project, size);
  // Each wave begins as the first one does: no Lambda is warm.
  await endWorkers(facts.endpoint);
  const watch = watchWorkers(facts.endpoint);
  const start = new Date();
  const { courses, ready, seconds, strays } = await launchCourse(scene, project, members);
  const workers = watch.used();
  const calls = await listCallsBetween(facts, start, new Date());
  assertHolds(ready === size && strays === 0, `${ready} of ${size} are ready, with ${strays} strays`);
  const mean = (figure: (course: ExecutionCourse) => number) =>
    courses.reduce((sum, course) => sum + figure(course), 0) / size;
  return {
    calls: calls.length / size + mean(({ tasks }) => tasks),
    transitions: mean(({ transitions }) => transitions),
    ...(workers.length > 0 && { lambda_ms: workers.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / size }),
    machine_wall_seconds: seconds,
  };
}

/**
 * A hundred launches at once, of which many are throttled and some fail for good, these in a project of their own. Everyone
 * must be accounted for.
 */
async function measureTrouble(scene: BenchScene): Promise<Record<string, number>> {
  const { facts } = scene.stage;
  const call = { function: 'workspaces/launch.lambda.ts', action: 'ec2:RunInstances' };
  const courses = [
    {
      project: 'course-throttled',
      size: 100 - FAILING_LAUNCHES,
      rule: { ...call, nth: 1, how: 'throttle', times: 2, invocations: THROTTLED_LAUNCHES },
    },
    {
      project: 'course-failing',
      size: FAILING_LAUNCHES,
      rule: { ...call, nth: null, how: 'error', invocations: 1_000_000 },
    },
  ];
  const launches: (() => Promise<Wave>)[] = [];
  for (const { project, size, rule } of courses) {
    await openProject(scene, project);
    const members = await addMembers(facts, project, size);
    const watch = { watch: project, about: `"${project}"`, rules: [rule] };
    await fetch(`${facts.plain}/_faults`, { method: 'POST', body: JSON.stringify(watch) });
    launches.push(() => launchCourse(scene, project, members));
  }
  const results = await Promise.all(launches.map(launch => launch()));
  const sum = (figure: (wave: Wave) => number) => results.reduce((total, wave) => total + figure(wave), 0);
  const [ready, failed] = [sum(wave => wave.ready), sum(wave => wave.failedWithReason)];
  return {
    troubled_ready: ready,
    troubled_failed_with_reason: failed,
    troubled_accounted: ready + failed,
    troubled_strays: sum(({ strays }) => strays),
    machine_throttled_wall_seconds: results[0]?.seconds ?? Number.NaN,
  };
}

/**
 * One, ten and a hundred workspaces asked for at once by the lead of a course: what each costs must not grow with how many
 * there are. Then a hundred with faults.
 */
export const benchLaunch = (log: BenchLog): Promise<Record<string, number>> =>
  withBenchScene(log, { waits: 1, concurrency: 80, faults: true }, async scene => {
    log('an image is built, approved and published');
    await openProject(scene, 'asthma');
    await tellImages(scene.stage, async (_, run) => run());
    const results: Record<string, number>[] = [];
    for (const size of waves) {
      log(size === 1 ? '1 workspace' : `${size} workspaces at once`);
      results.push(await measureWave(scene, size));
    }
    log(`100 workspaces, ${THROTTLED_LAUNCHES} throttled and ${FAILING_LAUNCHES} failing`);
    const trouble = await measureTrouble(scene);
    const [first = {}, last = {}] = [results[0], results.at(-1)];
    return {
      ...Object.fromEntries(
        Object.keys(first).flatMap(name => [
          ...waves.map((size, index) => [`${name}_${size}`, results[index]?.[name] ?? Number.NaN] as const),
          [`${name}_100_to_1_ratio`, (last[name] ?? Number.NaN) / (first[name] ?? Number.NaN)] as const,
        ]),
      ),
      ...trouble,
    };
  });
