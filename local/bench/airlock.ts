import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { IAMClient } from '@aws-sdk/client-iam';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { createDownloadSource, fetchSessionFiles } from '../../bin/cli/airlock-download.ts';
import type { ApiClient } from '../../bin/cli/call.ts';
import { uploadConcurrency } from '../../bin/cli/upload.ts';
import { mapInParallel } from '../../functions/storage/parallel.ts';
import { assumeInstanceRole } from '../agent.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import { pollUntilSettled } from '../story/until.ts';
import { assertHolds } from '../story.ts';
import { countStepCalls, openCapabilityMachine } from './record.ts';
import { type BenchLog, type BenchScene, withBenchScene } from './scene.ts';
import { type LambdaWorker, watchWorkers } from './workers.ts';

const project = 'bench';
const sizes = [100, 1000, 10_000] as const;

type Files = readonly { readonly path: string; readonly text: string }[];

/**
 * Tables of a few hundred bytes to a few KB, the same ones every time. Counts are neither small nor rounded, so that each is
 * compared with all that left before; and totals of different tables are never close, so that this finds nothing.
 */
function makeFiles(count: number): Files {
  let state = count;
  const random = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % limit;
  };
  // Modulo 40, what the totals of this batch come to.
  const total = 10 * (sizes as readonly number[]).indexOf(count);
  return Array.from({ length: count }, (_, index) => {
    const rows = 8 + random(100);
    let [text, sum] = ['area,condition,n\n', 0];
    for (let row = 0; row <= rows; row++) {
      const cases = row < rows ? 31 + random(900) : 80 - ((sum + 40 - total) % 40);
      sum += cases;
      text += `Area ${count}-${index}-${row},Asthma,${cases}\n`;
    }
    return { path: `part-${index % 20}/table-${index}.csv`, text };
  });
}

/** A project with Rana in it; what her desktop may write, and where. */
async function open({ stage }: BenchScene): Promise<{ s3: S3Client; bucket: string }> {
  const [olga, rana] = [stage.as('olga'), stage.as('rana')];
  const params = { project };
  await olga.ask('createProject', { body: { id: project, title: 'Bench' } });
  const ready = await pollUntilSettled(
    () => olga.ask('showProject', { params }),
    ({ status }) => status !== 'provisioning',
    300,
  );
  assertHolds(ready.status === 'ready', `the project is ${JSON.stringify(ready)}`);
  await rana.ask('showMe');
  await olga.ask('addMember', { params: { project, name: 'rana' }, body: { roles: ['researcher'] } });
  const { id: workspace } = await rana.ask('askWorkspace', { params, body: { kind: 'desktop' } });
  const desktop = await pollUntilSettled(
    () => rana.ask('showWorkspace', { params: { ...params, workspace } }),
    ({ status }) => status === 'ready' || status === 'failed',
    300,
  );
  assertHolds(desktop.status === 'ready', `the desktop is ${JSON.stringify(desktop)}`);
  const hypervisor = clientConfigFor(stage.facts, rootCredentialsFor(stage.facts.account));
  const [ec2, iam, sts] = [new EC2Client(hypervisor), new IAMClient(hypervisor), new STSClient(hypervisor)];
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [desktop.instanceId] }));
  const instance = Reservations[0]?.Instances?.[0];
  assertHolds(instance, 'the desktop has no instance');
  const s3 = new S3Client(clientConfigFor(stage.facts, await assumeInstanceRole({ iam, sts }, instance)));
  for (const client of [ec2, iam, sts]) client.destroy();
  return { s3, bucket: ready.network.bucket };
}

/** Processor time of all Lambdas, in milliseconds. */
const processorMs = (workers: readonly LambdaWorker[]) => workers.reduce((sum, { cpuMs }) => sum + cpuMs, 0);

/** The largest memory of a Lambda's process, of those whose names are like this. */
const peak = (workers: readonly LambdaWorker[], pattern: RegExp) =>
  Math.max(...workers.filter(({ name }) => pattern.test(name)).map(({ peakMb }) => peakMb));

/** What was released, by the command line's own way: page by page, every byte through the API, each file compared. */
async function download(
  rana: ApiClient,
  params: { project: string; request: string },
): Promise<{ seconds: number; mb: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'broch-bench-'));
  try {
    const source = createDownloadSource(rana, params, undefined);
    const start = performance.now();
    const { token } = await source.open();
    const { bytes } = await source.take(token);
    await fetchSessionFiles(source, folder, token, () => undefined);
    return { seconds: (performance.now() - start) / 1000, mb: bytes / 1e6 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One request from its draft to its release and download: how long people wait for it, beside the upload of its files. */
async function request(scene: BenchScene, { s3, bucket }: Awaited<ReturnType<typeof open>>, files: Files) {
  const { facts } = scene.stage;
  const [rana, vera, victor, olga] = (['rana', 'vera', 'victor', 'olga'] as const).map(name => scene.stage.as(name));
  assertHolds(rana && vera && victor && olga, 'somebody is missing');
  const source = `data/outbox/bench-${files.length}/`;
  const start = performance.now();
  await mapInParallel(files, uploadConcurrency.whole, ({ path, text }) =>
    s3.send(new PutObjectCommand({ Bucket: bucket, Key: source + path, Body: text })),
  );
  const upload = (performance.now() - start) / 1000;

  const groups = [{ name: 'Tables', kind: 'table' as const, purpose: 'To be measured', paths: ['**'] }];
  const { id } = await rana.ask('draftRequest', { params: { project }, body: { title: 'Bench', source, groups } });
  const params = { project, request: id };
  const show = () => sleep(500).then(() => vera.ask('showRequest', { params }));
  const execution = (arn: string, attempt: number) =>
    `${arn.replace(':stateMachine:', ':execution:')}:${id}-${attempt}`;

  const [check, release] = [
    await openCapabilityMachine(facts, 'AirlockWorkflow'),
    await openCapabilityMachine(facts, 'AirlockRelease'),
  ];
  const calls = await countStepCalls(facts.plain, id);
  const checking = watchWorkers(facts.endpoint);
  await rana.ask('submitRequest', { params });
  const { status, seal, report } = await pollUntilSettled(
    show,
    ({ status }) => status !== 'submitted' && status !== 'checking',
    900,
  );
  assertHolds(
    status === 'inReview' && seal?.files === files.length,
    `it is ${status}: ${JSON.stringify(report).slice(0, 500)}`,
  );
  const checkers = checking.used();
  for (const reviewer of [vera, victor])
    await reviewer.ask('reviewRequest', { params, body: { seal: seal.sha256, verdict: 'approve' } });
  const checkCourse = await check.course(execution(check.arn, 1));
  const [checkStart, sealEnd, checkEnd] = [
    checkCourse.start,
    checkCourse.exits.get('Manifest'),
    checkCourse.exits.get('AggregateReports'),
  ];
  assertHolds(sealEnd && checkEnd, 'it was not sealed');
  const checkCalls = await calls.take();

  const releasing = watchWorkers(facts.endpoint);
  await olga.ask('releaseRequest', { params });
  const end = await pollUntilSettled(show, ({ status }) => status !== 'releasing', 900);
  assertHolds(end.status === 'released', `it is ${end.status}`);
  const course = await release.course(execution(release.arn, 2));
  const releasers = releasing.used();
  const releaseCalls = await calls.take();
  for (const { sfn } of [check, release]) sfn.destroy();
  const delivery = await download(rana, params);

  const seconds = (start: Date, end: Date) => (end.getTime() - start.getTime()) / 1000;
  const [sealing, checks, leaving] = [
    seconds(checkStart, sealEnd),
    seconds(sealEnd, checkEnd),
    seconds(course.start, course.end),
  ];
  const perFile = (figures: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${name}_per_file`, value / files.length]));
  return {
    upload_seconds: upload,
    seal_seconds: sealing,
    seal_to_upload_ratio: sealing / upload,
    check_seconds: checks,
    check_to_upload_ratio: checks / upload,
    release_seconds: leaving,
    release_to_upload_ratio: leaving / upload,
    download_seconds: delivery.seconds,
    download_to_upload_ratio: delivery.seconds / upload,
    download_mb_per_second: delivery.mb / delivery.seconds,
    // With all that people do in between, which is always the same.
    check_transitions: checkCourse.transitions,
    release_transitions: course.transitions,
    // One more in a release than on AWS: the embedded cloud does not say the SHA-256 of a copy, so it is read back.
    ...perFile({
      check_s3_requests: checkCalls.s3,
      check_dynamodb_requests: checkCalls.dynamodb,
      release_s3_requests: releaseCalls.s3,
      release_dynamodb_requests: releaseCalls.dynamodb,
    }),
    ...(checkers.length > 0 && {
      ...perFile({ check_cpu_ms: processorMs(checkers), release_cpu_ms: processorMs(releasers) }),
      seal_peak_mb: peak(checkers, /AirlockSeal/),
      check_peak_mb: peak(checkers, /AirlockCheck/),
      copy_peak_mb: peak(releasers, /AirlockCopy/),
      sign_peak_mb: peak(releasers, /AirlockSign/),
    }),
  };
}

/** Small files by the thousand through seal, checks and release. */
export function benchAirlock(log: BenchLog): Promise<Record<string, number>> {
  return withBenchScene(log, { waits: 1, faults: true }, async scene => {
    log('a project and a desktop in it');
    const home = await open(scene);
    const figures: Record<string, number> = {};
    for (const size of sizes) {
      log(`${size} files: uploaded, sealed, checked, released, fetched`);
      for (const [name, value] of Object.entries(await request(scene, home, makeFiles(size))))
        figures[`${name}_${size}`] = value;
    }
    home.s3.destroy();
    for (const name of ['check_cpu_ms_per_file', 'release_cpu_ms_per_file', 'check_s3_requests_per_file'])
      if (`${name}_1000` in figures)
        figures[`${name}_10000_to_1000_ratio`] = (figures[`${name}_10000`] ?? 0) / (figures[`${name}_1000`] ?? 0);
    return figures;
  });
}
