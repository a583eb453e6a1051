import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { Refused } from '../refused.ts';
import { RunStep, readNetwork, readRun } from './attempt.ts';
import { decideEnclaveRun } from './enclaves.ts';
import { requireGrantedInputs } from './input-records.ts';
import { listReports, readParentReport } from './parent-reports.ts';
import { judgeAttestation, judgeProgress } from './progress.ts';
import { changeEnclaveRun } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), BUCKETS: z.string(), ROOTS: z.string() });
const { TABLE_NAME, ROOTS } = env.parse(process.env);
const roots = z.array(z.string()).parse(JSON.parse(ROOTS));

/** What the loader may say of its failure: its own words, in which no data can hide. */
const LoaderFailure = z.string().regex(/^[A-Za-z0-9 ,.:/_-]{1,300}$/);

/**
 * Looks at what the instance reports: waits, judges the attestation, or tells that the outputs are there. A run ends when
 * its project may no longer use an input.
 */
export const handler = stepHandler(RunStep, async step => {
  const run = await readRun(TABLE_NAME, step);
  const { network } = await readNetwork(TABLE_NAME, run.project);
  const instance = 'instance' in run ? run.instance : undefined;
  const reports = instance === undefined ? {} : await listReports(network, instance);
  const now = currentTime();
  // The data leave the enclave's memory when its run ends.
  await requireGrantedInputs(TABLE_NAME, run.project, run.manifest.inputs, now);
  const progress = judgeProgress(run, reports, Date.parse(now));
  if (instance !== undefined && progress.next === 'attest') {
    const document = await readParentReport(network, instance, 'attestation');
    const verdict = judgeAttestation(run, document, { roots, parent: network.datasets.role, time: Date.parse(now) });
    if (!verdict.ok) throw new Refused('conflict', `The enclave's attestation was refused: ${verdict.reason}`);
    const command = { do: 'attest', module: verdict.moduleId ?? '', manifest: verdict.userData ?? '' } as const;
    await changeEnclaveRun(
      TABLE_NAME,
      { project: run.project, id: run.id },
      read => decideEnclaveRun(read, command, now),
      now,
    );
  }
  if (progress.next !== 'fail') return { next: progress.next };
  const words =
    instance !== undefined && reports.failure !== undefined
      ? LoaderFailure.safeParse(Buffer.from(await readParentReport(network, instance, 'failure')).toString())
      : undefined;
  const reason = words?.success ? `The loader ended: ${words.data}.` : 'The loader failed.';
  throw new Refused('conflict', progress.reason || reason);
});
