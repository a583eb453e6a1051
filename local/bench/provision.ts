import { assertHolds } from '../story.ts';
import { type ExecutionCourse, listCallsBetween, openCapabilityMachine } from './record.ts';
import { type BenchLog, type BenchScene, withBenchScene } from './scene.ts';
import { endWorkers, watchWorkers } from './workers.ts';

const waves = [1, 8, 32] as const;

/** Requests a number of projects at once and follows each to its end. */
async function wave({ stage }: BenchScene, size: number): Promise<Record<string, number>> {
  const { facts } = stage;
  const olga = stage.as('olga');
  const { sfn, arn, course } = await openCapabilityMachine(facts, 'Projects');
  // Each wave begins as the first one does: no Lambda is warm.
  await endWorkers(facts.endpoint);
  const watch = watchWorkers(facts.endpoint);
  const start = new Date();
  const ids = Array.from({ length: size }, (_, index) => `bench-${size}-${index + 1}`);
  await Promise.all(ids.map(id => olga.ask('createProject', { body: { id, title: `Bench ${id}` } })));
  const execution = (id: string) => `${arn.replace(':stateMachine:', ':execution:')}:${id}-1`;
  // One after the other: asking is work for the embedded cloud too.
  const courses: ExecutionCourse[] = [];
  for (const id of ids) courses.push(await course(execution(id)));
  const workers = watch.used();
  const calls = await listCallsBetween(facts, start, new Date());
  sfn.destroy();
  for (const project of ids) {
    const { status } = await olga.ask('showProject', { params: { project } });
    assertHolds(status === 'ready', `project ${project} is ${status}`);
  }
  const mean = (figure: (course: ExecutionCourse) => number) =>
    courses.reduce((sum, course) => sum + figure(course), 0) / size;
  return {
    aws_calls_per_project: calls.length / size + mean(({ tasks }) => tasks),
    transitions_per_project: mean(({ transitions }) => transitions),
    ...(workers.length > 0 && {
      lambda_ms_per_project: workers.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / size,
      lambda_starts_per_project: workers.length / size,
    }),
    machine_lambda_ms_per_project: mean(({ taskMs }) => taskMs),
    machine_wall_seconds: (Math.max(...courses.map(({ end }) => end.getTime())) - start.getTime()) / 1000,
  };
}

/**
 * One, eight and thirty-two projects asked for at once: what each costs must not grow with how many there are. Waits last
 * as long as on AWS, so that how often a project looks after its stack depends on neither. Each may have a Lambda of the
 * API and one of its workflow at the same moment.
 */
export const benchProvision = (log: BenchLog): Promise<Record<string, number>> =>
  withBenchScene(log, { waits: 1, concurrency: 80 }, async scene => {
    // Signs in.
    await scene.stage.as('olga').ask('listProjects');
    const results: Record<string, number>[] = [];
    for (const size of waves) {
      log(size === 1 ? '1 project' : `${size} projects at once`);
      results.push(await wave(scene, size));
    }
    const [first = {}, last = {}] = [results[0], results.at(-1)];
    return Object.fromEntries(
      Object.keys(first).flatMap(name => [
        ...waves.map((size, index) => [`${name}_${size}`, results[index]?.[name] ?? Number.NaN] as const),
        [`${name}_32_to_1_ratio`, (last[name] ?? Number.NaN) / (first[name] ?? Number.NaN)] as const,
      ]),
    );
  });
