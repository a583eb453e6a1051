import * as z from 'zod';
import { type RouteName, routes } from '../../functions/api/routes.ts';
import type { Route } from '../../functions/http/route.ts';
import { formatAnswer } from './answer-texts.ts';
import { validateArguments } from './arguments.ts';
import type { CallInput } from './call.ts';
import type { CliCommand, CommandContext } from './commands.ts';
import type { ExitKind } from './exit.ts';
import { toWatchWords } from './watch.ts';

const All = z.object({ all: z.boolean().optional().describe('fetch every page') });

const describeCallers = ({ callers }: Route): string =>
  callers === 'anyone'
    ? 'Allowed for anyone, without signing in.'
    : `Allowed for: ${callers.map(({ group, member }) => (member ? `${group} (${member.join(' or ')} of the project)` : group)).join(', ')}.`;

const pick = (values: Record<string, unknown>, schema: z.ZodObject | undefined) =>
  schema && Object.fromEntries(Object.entries(values).filter(([name]) => name in schema.shape));

interface Page {
  items: Record<string, unknown>[];
  next?: string;
}

/** Fetches all pages. Stops at a repeated token, which would loop for ever. */
async function everyPage(name: RouteName, input: CallInput, { api }: CommandContext): Promise<Page> {
  const items: Page['items'] = [];
  const tokens = new Set<string>();
  for (let next: string | undefined; ; ) {
    const query = { limit: 100, ...input.query, ...(next !== undefined && { next }) };
    const page = (await api().call(name, { params: input.params, query })) as Page;
    items.push(...page.items);
    next = page.next;
    if (next === undefined || tokens.has(next)) return { items };
    tokens.add(next);
  }
}

function commandFor(name: RouteName): CliCommand {
  const route: Route = routes[name];
  const { params, query, body } = route;
  const isPaged = query !== undefined && 'next' in query.shape;
  const flags = z.object({ ...query?.shape, ...body?.shape, ...(isPaged && All.shape) });
  return {
    words: route.cli.split(' '),
    summary: route.summary,
    ...(route.stepOf && { stepOf: route.stepOf }),
    examples: [route.example],
    notes: [describeCallers(route), `Calls ${route.method} ${route.path}.`],
    ...(params && { params }),
    ...(Object.keys(flags.shape).length > 0 && { flags }),
    async run(values, context): Promise<ExitKind> {
      const input = { params: values.params, query: pick(values.flags, query), body: pick(values.flags, body) };
      // The API checks again. Checking here is faster and uses the names of the command line.
      if (params) validateArguments(params, values.params, '');
      if (query) validateArguments(query, input.query ?? {}, '--');
      if (body) validateArguments(body, input.body ?? {}, '--');
      const value = values.flags.all ? await everyPage(name, input, context) : await context.api().call(name, input);
      if (value instanceof Uint8Array) {
        context.result({ bytes: Buffer.from(value).toString('base64') }, value);
        return 'ok';
      }
      context.result(value, formatAnswer(name, value, context));
      const { next } = value as { next?: string };
      if (isPaged) {
        if (next !== undefined) context.remark(`There are more: pass --all, or --next ${next}`);
        return 'ok';
      }
      const follow = route.status === 202 && toWatchWords(route, { ...values.params, ...(value as object) });
      if (follow) context.remark(`Follow it: broch ${follow}`);
      return 'ok';
    },
  };
}

/** One command for each route. */
export const routeCommands: readonly CliCommand[] = (Object.keys(routes) as RouteName[]).map(commandFor);
