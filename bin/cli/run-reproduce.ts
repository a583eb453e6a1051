import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { batchRoutes } from '../../functions/batch/routes.ts';
import type { ComputeJob } from '../../functions/batch/schemas.ts';
import { defineCommand } from './commands.ts';
import { ExitError, type ExitKind } from './exit.ts';
import { ProgressLine } from './progress.ts';

const POLL_MS = 2000;

interface Comparison {
  readonly original: string;
  readonly repetition: string;
  readonly verdict: 'equal' | 'different' | 'failed';
}

/** What Broch found when it compared the files that both runs left. */
export function compareRuns(original: ComputeJob, repetition: ComputeJob): Comparison {
  const finding = repetition.status === 'succeeded' ? repetition.outputs?.repetition : undefined;
  return { original: original.id, repetition: repetition.id, verdict: finding ?? 'failed' };
}

const sentences: Readonly<Record<Comparison['verdict'], (comparison: Comparison) => string>> = {
  equal: ({ original, repetition }) => `${repetition} left the same files as ${original}, byte for byte.`,
  different: ({ original, repetition }) =>
    `${repetition} left other files than ${original}. Compare both lists on your desktop: diff /batch/${original}/run/outputs.sha256 /batch/${repetition}/run/outputs.sha256`,
  failed: ({ original, repetition }) =>
    `${repetition} did not succeed, so it cannot be compared with ${original}. See broch job show.`,
};
const exits: Readonly<Record<Comparison['verdict'], ExitKind>> = { equal: 'ok', different: 'refused', failed: 'fault' };

/** Whether nothing more is recorded of the job. */
const isSettled = (job: ComputeJob): boolean =>
  job.status === 'cancelled' || ((job.status === 'succeeded' || job.status === 'failed') && job.outputs !== undefined);

export const runReproduceCommand = defineCommand({
  words: ['run', 'reproduce'],
  summary: 'Run a batch job again, and compare what both runs left',
  notes: [
    'Allowed for: researcher (a member of the project).',
    'The repetition has the same image, command and versions of datasets, and costs what a new job costs.',
    'The exit code is 0 when both runs left the same files, 3 when they differ, and 1 when the repetition failed.',
  ],
  examples: ['run reproduce asthma job-019a0b1c2d3e4f50'],
  params: batchRoutes.rerunJob.params,
  flags: z.object({
    minutes: z.number().int().min(1).max(43_200).default(120).describe('minutes to wait at most, up to 30 days'),
  }),
  async run({ params, flags: { minutes } }, context) {
    const api = context.api();
    const original = await api.ask('showJob', { params });
    if (original.status !== 'succeeded' || !original.outputs)
      throw new ExitError(
        'refused',
        `${params.job} has no outputs on record, so there is nothing to compare with. See broch job show ${params.project} ${params.job}.`,
      );
    let repetition = await api.ask('rerunJob', { params });
    context.onInterrupt(
      () => `${repetition.id} continues. Look at it: broch job show ${params.project} ${repetition.id}`,
    );
    using live = new ProgressLine(context);
    for (const end = Date.now() + minutes * 60_000; !isSettled(repetition); await sleep(POLL_MS)) {
      live.stage(repetition.id, repetition.status);
      if (Date.now() > end)
        throw new ExitError(
          'fault',
          `${repetition.id} is ${repetition.status} after ${minutes} minutes. It continues.`,
        );
      repetition = await api.ask('showJob', { params: { ...params, job: repetition.id } });
    }
    live.end();
    const comparison = compareRuns(original, repetition);
    context.result(comparison, sentences[comparison.verdict](comparison));
    return exits[comparison.verdict];
  },
});
