import * as z from 'zod';
import type { RequestView } from '../../functions/airlock/request/request-view.ts';
import { routes } from '../../functions/api/routes.ts';
import { type CommandContext, defineCommand } from './commands.ts';
import { disclosureCheckCommand } from './disclosure.ts';
import { ExitError, type ExitKind } from './exit.ts';
import { resolveFolder, walkFolder } from './folder.ts';
import { escapeForTerminal } from './output.ts';
import { formatPatternMatches, matchPatterns } from './pattern-matches.ts';
import { ProgressLine } from './progress.ts';
import { formatRequest } from './request-text.ts';
import { followUntilRest, requestRest } from './watch.ts';

type Request = z.infer<typeof RequestView>;
type Params = z.infer<typeof routes.submitRequest.params>;

const isYes = (answer: string, preset: 'y' | 'n'): boolean => (answer.trim() || preset).toLowerCase().startsWith('y');

/**
 * Shows what each pattern takes of the folder and offers the disclosure check. Refuses if a file would be left over, because
 * the request would come back. Returns whether to go on.
 */
async function reviewFolder(request: Request, folder: string, context: CommandContext): Promise<boolean> {
  const { files } = await walkFolder(await resolveFolder(folder));
  const matches = matchPatterns(
    files.map(({ path }) => path),
    request.groups,
  );
  context.remark(formatPatternMatches(matches));
  if (matches.remainder.length > 0)
    throw new ExitError(
      'refused',
      `Nothing was submitted. Remove these files, or name them: broch airlock edit ${request.project} ${request.id} --supporting <pattern>`,
      { errors: [...matches.remainder] },
    );
  if (!context.ask) {
    context.remark(`To check the files first: broch disclosure check ${folder}`);
    return true;
  }
  if (isYes(await context.ask('Check the files for disclosure first? [Y/n]'), 'y'))
    await disclosureCheckCommand.run({ params: { folder }, flags: {} }, context);
  return isYes(await context.ask('Submit the request? [y/N]'), 'n');
}

/** Whether the checks want to know something, and the requester has not explained anything yet. */
const needsExplanation = ({ status, report, explanation, comments = [] }: Request): boolean =>
  status === 'returned' && report?.worst === 'ask' && explanation === '' && comments.length === 0;

async function followChecks(request: Request, minutes: number, context: CommandContext): Promise<Request> {
  const { id, project } = request;
  context.onInterrupt(
    () => `The checks continue without this command. Follow them: broch watch airlock ${project} ${id}`,
  );
  using live = new ProgressLine(context);
  const params = { project, request: id };
  const last = await followUntilRest(context.api(), requestRest('checked'), params, minutes, {
    report: ({ status }) => live.stage(id, status),
  });
  live.end();
  return routes.showRequest.returns.parse(last);
}

/** Asks for an explanation if the checks want one, and adds it to the request. Returns whether it did. */
async function explain(request: Request, params: Params, context: CommandContext): Promise<boolean> {
  if (!needsExplanation(request)) return false;
  if (!context.ask) {
    context.remark(
      'The checks asked why this may leave, and there is no explanation. They will ask again. Add one: broch airlock edit --explanation.',
    );
    return false;
  }
  for (const { path, message } of request.report?.first ?? [])
    context.remark(`${escapeForTerminal(path)}: ${escapeForTerminal(message)}`);
  const explanation = await context.ask('The checks ask why this may leave. Explain it (an empty line stops):');
  if (explanation.trim() === '') return false;
  await context.api().ask('editRequest', { params, body: { explanation } });
  return true;
}

export const airlockSubmitCommand = defineCommand({
  words: ['airlock', 'submit'],
  summary: routes.submitRequest.summary,
  notes: [
    'With --folder it first shows which files of this folder each pattern takes. In a',
    'terminal it offers to check them for disclosure, waits for the checks, and asks for an explanation if a finding needs one.',
    'The exit code is 0 when the request is submitted; if you wait, it is 3 when the checks block or return it.',
  ],
  examples: [
    'airlock submit asthma al-0011223344556677',
    'airlock submit asthma al-0011223344556677 --folder ~/project/data/outbox/table1',
  ],
  params: routes.submitRequest.params,
  flags: z.object({
    folder: z.string().min(1).optional().describe('the folder on this machine with the files of the request'),
    wait: z.boolean().optional().describe('wait for the checks, also without a terminal'),
    minutes: z.number().int().min(0).max(1440).default(60).describe('minutes to wait at most; 0 does not wait'),
  }),
  async run({ params, flags: { folder, wait, minutes } }, context): Promise<ExitKind> {
    const api = context.api();
    const draft = await api.ask('showRequest', { params });
    if (folder !== undefined && !(await reviewFolder(draft, folder, context))) {
      context.result(draft, 'Nothing was submitted.');
      return 'ok';
    }
    await explain(draft, params, context);
    let request = await api.ask('submitRequest', { params });
    const words = `${params.project} ${params.request}`;
    if ((!wait && !context.ask) || minutes === 0) {
      context.result(request, formatRequest(request, context));
      context.remark(`Follow it: broch watch airlock ${words}`);
      return 'ok';
    }
    request = await followChecks(request, minutes, context);
    if (context.ask && (await explain(request, params, context)))
      request = await followChecks(await api.ask('submitRequest', { params }), minutes, context);
    context.result(request, formatRequest(request, context));
    const { status } = request;
    if (status === 'inReview') context.remark(`Wait for the decision: broch watch airlock ${words}`);
    else if (needsExplanation(request))
      context.remark(`Next: broch airlock edit ${words} --explanation <text>, then submit it again.`);
    return requestRest('checked').outcomes[status] ?? 'ok';
  },
});
