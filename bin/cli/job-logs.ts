import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { batchRoutes } from '../../functions/batch/routes.ts';
import type { ComputeJob } from '../../functions/batch/schemas.ts';
import { defineCommand } from './commands.ts';
import type { ExitKind } from './exit.ts';
import { formatStatusWords } from './output.ts';

const POLL_MS = 2000;
const outcomes: Readonly<Record<string, ExitKind>> = { succeeded: 'ok', failed: 'fault', cancelled: 'refused' };

const attemptsOf = (job: ComputeJob) => ('attempts' in job ? job.attempts : []);

/** The state of a job as one line: no word that its program chose. */
function formatState(job: ComputeJob): string {
  const attempts = attemptsOf(job);
  const exitCode = attempts.at(-1)?.exitCode;
  const count = attempts.length > 0 ? `, attempt ${attempts.length}` : '';
  return `${job.id} ${formatStatusWords(job.status)}${count}${exitCode === undefined ? '' : `, exit code ${exitCode}`}`;
}

const logHint = ({ id }: ComputeJob): string =>
  `What its program prints is in the project, where no reviewer has seen it, so it is read on a desktop: tail -F /batch/${id}/log/*`;

/** Follows a job from outside the project: states and exit codes. What its program prints stays in the project. */
export const jobLogsCommand = defineCommand({
  words: ['job', 'logs'],
  summary: 'Show where the log of a batch job is read, and follow its state',
  notes: [
    'Allowed for: researcher (a member of the project).',
    'The log is read on a desktop of the project. Outside of it, this command shows states and exit codes.',
    'With --follow it waits for the end of the job. The exit code is 0 when it succeeded, 1 when it failed, 3 when it was cancelled.',
  ],
  examples: ['job logs asthma job-019a0b1c2d3e4f50', 'job logs asthma job-019a0b1c2d3e4f50 --follow'],
  params: batchRoutes.showJob.params,
  flags: z.object({ follow: z.boolean().optional().describe('print every change until the job has ended') }),
  async run({ params, flags: { follow } }, context) {
    const api = context.api();
    for (let last = ''; ; await sleep(POLL_MS)) {
      const job = await api.ask('showJob', { params });
      const [state, outcome] = [formatState(job), outcomes[job.status]];
      const isLast = !follow || outcome !== undefined;
      // With --json there is one document, at the end.
      if (isLast || (state !== last && !context.json))
        context.result(
          { job: job.id, status: job.status, attempts: attemptsOf(job), log: job.log },
          `${state}${last === '' ? `\n${logHint(job)}` : ''}`,
        );
      if (isLast) return follow ? (outcome ?? 'ok') : 'ok';
      last = state;
    }
  },
});
