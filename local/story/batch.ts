import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import type { ComputeJob } from '../../functions/batch/schemas.ts';
import { repositoryRoot } from '../cloud.ts';
import type { DemoSetup } from '../demo-setup.ts';
import { playedImage as image, pullPlayedImage } from '../registry.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { withDesktopFolder } from './desktop.ts';
import { refusalOf } from './refusal.ts';
import { pollUntilSettled } from './until.ts';

const params = { project: 'asthma' };
const pipelineRequest = { revision: '1.0', datasets: ['open-charts'], places: 1, taskVcpus: 1, minutes: 10 };
const dollars = (micros: number) => `$${(micros / 1e6).toFixed(2)}`;

/** Predicts the highest temperature of a day by gradient descent: a real model, with a checkpoint after half of the steps. */
const training = `
import csv, glob, json, os, time
names = ["temp_min", "precipitation", "wind"]
[place] = glob.glob(os.environ["BROCH_DATA"] + "/open-charts/*/seattle-weather.csv")
with open(place) as file:
    days = list(csv.DictReader(file))
columns = [[float(day[name]) for day in days] for name in names]
mean = lambda values: sum(values) / len(values)
spread = lambda c: mean([(v - mean(c)) ** 2 for v in c]) ** 0.5
scaled = [[(v - m) / s for v in c] for c, m, s in ((c, mean(c), spread(c)) for c in columns)]
x, y = [(1.0, *row) for row in zip(*scaled)], [float(day["temp_max"]) for day in days]
rate = 0.1 / (1 + int(os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", 0)))
place = os.environ["BROCH_CHECKPOINT"] + "/weights.json"
start, weights = json.load(open(place)) if os.path.exists(place) else (0, [0.0] * 4)
print(f"starts at step {start}", flush=True)
residuals = lambda: [sum(w * v for w, v in zip(weights, row)) - goal for row, goal in zip(x, y)]
for step in range(start, 100):
    errors = residuals()
    weights = [w - rate * mean([e * row[i] for e, row in zip(errors, x)]) for i, w in enumerate(weights)]
    if step == 49 and start == 0:
        json.dump([50, weights], open(place, "w"))
        print("step 50 is kept", flush=True)
        if "PAUSE" in os.environ:
            time.sleep(60)
model = {"rate": rate, "error": round(mean([e * e for e in residuals()]), 6), "days": len(days)}
with open(os.environ["BROCH_OUTPUTS"] + f"/model-{rate:.3f}.json", "w") as file:
    json.dump({**model, "weights": dict(zip(["constant", *names], (round(w, 6) for w in weights)))}, file)
`;

async function waitForRun(stage: DemoSetup, { id }: ComputeJob) {
  const job = await pollUntilSettled(
    () => stage.as('rana').ask('showJob', { params: { ...params, job: id } }),
    answer => answer.status === 'cancelled' || ('outputs' in answer && answer.outputs !== undefined),
    120,
  );
  assertHolds(job.status === 'succeeded' && job.outputs, `the job is ${JSON.stringify(job)}`);
  return { ...job, outputs: job.outputs };
}

/** The files of a folder of the project, as Rana's desktop reads them. */
const readFolder = (stage: DemoSetup, folder: string) =>
  withDesktopFolder(stage, 'asthma', async ({ s3, bucket }) => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: folder }));
    return Promise.all(
      Contents.map(async ({ Key = '' }) => {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
        return { path: Key.slice(folder.length), text: (await Body?.transformToString()) ?? '' };
      }),
    );
  });

/** Writes files into the project's folder, as Rana's desktop does. */
const writeFiles = (stage: DemoSetup, files: Readonly<Record<string, string>>) =>
  withDesktopFolder(stage, 'asthma', async ({ s3, bucket }) => {
    for (const [Key, Body] of Object.entries(files)) await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  });

/** A GPU queue by approval, a budget, an array job, a lost machine, a repeated run, a pipeline, and the way out. */
export const tellBatch: ChapterTeller = async (stage, tell) => {
  const [rana, olga, stella] = [stage.as('rana'), stage.as('olga'), stage.as('stella')];
  const bare = { image, kind: 'gpu', gpu: 1, minutes: 10, command: ['python', '-c', training] } as const;
  const request = { ...bare, datasets: ['open-charts'] };

  await tell(
    'Rana asks for a GPU queue, and for one with CPUs for pipelines; Olga approves both with a budget',
    async () => {
      for (const kind of ['gpu', 'cpu'] as const) {
        await rana.ask('requestQueue', { params: { ...params, kind }, body: { reason: 'To train a model.' } });
        await olga.ask('approveQueue', { params: { ...params, kind }, body: { dollars: 20 } });
      }
      const { items } = await pollUntilSettled(
        () => rana.ask('listQueues', { params }),
        answer => answer.items.every(({ status }) => status === 'open' || status === 'failed'),
      );
      assertHolds(
        items.length === 2 && items.every(({ status }) => status === 'open'),
        `the queues are ${JSON.stringify(items)}`,
      );
      return { message: 'They have Spot machines first, On-Demand second, and none at all while no job waits.' };
    },
  );

  await tell('Her image is refused until the registry holds it and Stella has approved its digest', async () => {
    const refusal = await refusalOf(() => rana.ask('submitJob', { params, body: bare }));
    await rana.ask('requestContainer', { params, body: { image, reason: 'Python.' } });
    const missing = await refusalOf(() => stella.ask('approveContainer', { params, body: { image } }));
    await pullPlayedImage(clientConfigFor(stage.facts, rootCredentialsFor(stage.facts.account)));
    await stella.ask('approveContainer', { params, body: { image } });
    return {
      message: `Refused: ${refusal}\nRefused to Stella: ${missing}\nThen Stella approves it by its digest, not by a tag that can change.`,
    };
  });

  await tell('A job shows what it would cost, and one that costs too much is refused', async () => {
    const estimate = await rana.ask('estimateJob', { params, body: bare });
    const refusal = await refusalOf(() => rana.ask('submitJob', { params, body: { ...bare, minutes: 10_000 } }));
    assertHolds(/budget/.test(refusal), `the refusal has another reason: ${refusal}`);
    return {
      message: `On a ${estimate.machine} about ${dollars(estimate.expectedMicros)}, at most ${dollars(estimate.mostMicros)}.\nRefused: ${refusal}`,
    };
  });

  const { first } = await tell(
    'An array job trains two models on a dataset that Stella lets the project use',
    async () => {
      const refusal = await refusalOf(() => rana.ask('submitJob', { params, body: request }));
      assertHolds(/may not use the dataset/.test(refusal), `the refusal has another reason: ${refusal}`);
      const endsAt = new Date(Date.now() + 30 * 24 * 3600 * 1000).toISOString();
      const use = await rana.ask('requestUse', {
        params,
        body: { dataset: 'open-charts', purpose: 'research', endsAt, explanation: 'A model of the weather.' },
      });
      await stella.ask('approveUse', { params: { ...params, use: use.id }, body: { conditions: 'No linkage.' } });
      const job = await waitForRun(stage, await rana.ask('submitJob', { params, body: { ...request, tasks: 2 } }));
      const models = await readFolder(stage, job.outputs.folder);
      assertHolds(models.length === 2, `the outputs are ${JSON.stringify(models)}`);
      return {
        message: `Before her decision the job was refused. Two tasks left ${models.length} models. The job cost ${dollars(job.costMicros)} of ${dollars(job.estimate.mostMicros)} that were reserved.`,
        ids: { job: job.id },
        first: job,
      };
    },
  );

  await tell('AWS takes the machine of a job back, and it continues from its checkpoint', async () => {
    stage.played.reclaimLine = 'step 50 is kept';
    const body = { ...request, variables: { PAUSE: '1' } };
    const job = await waitForRun(stage, await rana.ask('submitJob', { params, body }));
    delete stage.played.reclaimLine;
    assertHolds(job.attempts.length === 2, `there were ${job.attempts.length} attempts`);
    const logs = await readFolder(stage, `batch/${job.id}/log/`);
    const second = logs.find(({ path }) => path === 'task-0-attempt-2.log');
    assertHolds(second?.text.includes('starts at step 50'), `the logs are ${JSON.stringify(logs)}`);
    return {
      message: `${job.attempts[0]?.reason} The second attempt began at step 50: its log says so, which she can read only on her desktop.`,
      ids: { job: job.id },
    };
  });

  await tell('Rana runs the first job again, and its outputs are the same', async () => {
    const job = await waitForRun(stage, await rana.ask('rerunJob', { params: { ...params, job: first.id } }));
    assertHolds(job.outputs.repetition === 'equal', `the outputs are ${JSON.stringify(job.outputs)}`);
    return {
      message: `Both runs left the same files, byte for byte. ${job.outputs.crate} says what ran, on what, and what it left.`,
      ids: { job: job.id, crate: job.outputs.crate },
    };
  });

  await tell('A Nextflow pipeline reads the same dataset, in tasks of its own, offline', async () => {
    const source = readFileSync(join(repositoryRoot, 'examples/pipeline/main.nf'), 'utf8');
    await writeFiles(stage, { 'data/pipelines/counts/1.0/main.nf': source });
    const version = first.datasets[0]?.version.slice(0, 12);
    const [model] = await readFolder(stage, first.outputs.folder);
    const { days } = JSON.parse(model?.text ?? '{}');
    const job = await waitForRun(
      stage,
      await rana.ask('runPipeline', {
        params: { ...params, pipeline: 'counts' },
        body: {
          ...pipelineRequest,
          image,
          taskImage: image,
          input: `/data/open-charts/${version}/seattle-weather.csv`,
        },
      }),
    );
    const files = await readFolder(stage, job.outputs.folder);
    const textOf = (name: string) => files.find(({ path }) => path === name)?.text ?? '';
    assertHolds(
      textOf('report.txt') === `days: ${days}\n`,
      `of ${days} days, the outputs are ${JSON.stringify(files)}`,
    );
    const tasks = textOf('pipeline_info/trace.txt').split('\n').slice(1, -1);
    assertHolds(tasks.length === 2, `the trace is ${tasks.join('; ')}`);
    return {
      message: `It counts the ${days} days that the models learned from. Its head submitted ${tasks.length} tasks with rights for one queue, and left their trace. Nextflow itself is simulated here; \`npm run rehearse -- nextflow\` runs the real one.`,
      ids: { job: job.id },
    };
  });

  await tell('She hands the models to the airlock', async () => {
    const draft = await rana.ask('draftRequest', {
      params,
      body: {
        title: 'Weights of two models',
        source: first.outputs.folder,
        groups: [{ name: 'models', kind: 'model', purpose: 'paper', paths: ['*.json'] }],
      },
    });
    return { message: `${draft.id} takes its files from ${first.outputs.folder}.`, ids: { request: draft.id } };
  });
};
