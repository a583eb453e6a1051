import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { batchRoutes } from '../../functions/batch/routes.ts';
import type { ApiClient } from './call.ts';
import { defineCommand } from './commands.ts';
import { escapeForTerminal } from './output.ts';

type LogLine = { readonly at: string; readonly text: string };
const { showLogs } = batchRoutes;
const POLL_MS = 2000;
const liveStatuses: ReadonlySet<string> = new Set(['submitted', 'queued', 'running']);
const emptyLog = 'The job has printed nothing yet.\n';
const formatLine = ({ text }: LogLine): string => `${escapeForTerminal(text)}\n`;

type LogPlace = { readonly project: string; readonly job: string };

/** Every line that the job has printed since `next`, and the token from which to go on. */
async function readNewLines(api: ApiClient, params: LogPlace, next: string | undefined) {
  const lines: LogLine[] = [];
  let token = next;
  for (;;) {
    const page = await api.ask('showLogs', { params, query: token === undefined ? {} : { next: token } });
    lines.push(...page.lines);
    // The log repeats its token at the end.
    if (page.next === undefined || page.next === token) return { lines, token };
    token = page.next;
  }
}

/** Prints what a job prints, until it ends. A second attempt has a log of its own. */
export const jobLogsCommand = defineCommand({
  words: ['job', 'logs'],
  summary: showLogs.summary,
  notes: [
    'Allowed for: researcher (a member of the project).',
    'With --follow it prints new lines as they come, and ends with the job.',
  ],
  examples: [showLogs.example, 'job logs asthma job-019a0b1c2d3e4f50 --follow'],
  params: showLogs.params,
  flags: z.object({ follow: z.boolean().optional().describe('wait for new lines until the job has ended') }),
  async run({ params, flags: { follow } }, context) {
    const api = context.api();
    // With --json there is one document, at the end.
    const isLive = follow && !context.json;
    const allLines: LogLine[] = [];
    let [token, attempt]: [string | undefined, number] = [undefined, 0];
    for (;;) {
      const job = await api.ask('showJob', { params });
      const attempts = 'attempts' in job ? job.attempts.length : 0;
      // The log of the new attempt is another one, for which the token of the old one means nothing.
      if (attempts !== attempt) [token, attempt] = [undefined, attempts];
      const page = await readNewLines(api, params, token);
      token = page.token;
      allLines.push(...page.lines);
      if (isLive && page.lines.length > 0) context.result(page, Buffer.from(page.lines.map(formatLine).join('')));
      if (!follow || !liveStatuses.has(job.status)) break;
      await sleep(POLL_MS);
    }
    if (!isLive) context.result({ lines: allLines }, Buffer.from(allLines.map(formatLine).join('') || emptyLog));
    return 'ok';
  },
});
