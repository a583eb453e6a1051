import * as z from 'zod';
import type { RouteName } from '../../functions/api/routes.ts';
import type { DatasetTerms, DatasetUse } from '../../functions/datasets/schemas.ts';
import type { EnclaveRun } from '../../functions/enclaves/schemas.ts';
import type { ApiClient } from './call.ts';
import { type CommandContext, defineCommand } from './commands.ts';
import { indentedTexts } from './layout.ts';
import {
  type NextStep,
  type Standing,
  stepOfDelivery,
  stepOfEnclaveRun,
  stepOfOwnRequest,
  stepOfProject,
  stepOfQueuedRequest,
  stepOfReport,
  stepOfUse,
  stepOfWorkspace,
} from './next-step.ts';
import { escapeForTerminal, formatStatusWords, formatTime } from './output.ts';

/** Pages that are read of one list: the newest 500 things of a kind. */
const MAX_PAGES = 5;

/** Everything that concerns a person, in the order of the sections of the answer. */
export interface StatusReport {
  readonly name: string;
  readonly trouble: readonly NextStep[];
  readonly waiting: readonly NextStep[];
  readonly underWay: readonly NextStep[];
  /** Lists that have more than was read. */
  readonly more: readonly string[];
}

type ListName = Extract<
  RouteName,
  | 'listCatalogue'
  | 'listDatasetUses'
  | 'listDeliveries'
  | 'listEnclaveRuns'
  | 'listPartyEnclaveRuns'
  | 'listProjects'
  | 'listProjectUses'
  | 'listQueue'
  | 'listReports'
  | 'listRequests'
  | 'listWorkspaces'
>;

/** Reads the lists that concern a person and turns each item into its next step. */
async function collectSteps(api: ApiClient): Promise<{ name: string; steps: NextStep[]; more: string[] }> {
  const me = await api.ask('showMe');
  const isIn = (...groups: string[]) => me.groups.some(group => groups.includes(group));
  const cutLists: string[] = [];

  async function readList<Item>(name: ListName, words: string, params: Record<string, string> = {}, pages = MAX_PAGES) {
    const items: Item[] = [];
    let next: string | undefined;
    for (let page = 0; page < pages; page++) {
      const answer = (await api.call(name, { params, query: { limit: 100, next } })) as {
        items: Item[];
        next?: string;
      };
      items.push(...answer.items);
      next = answer.next;
      if (next === undefined) return items;
    }
    if (pages > 1) cutLists.push(words);
    return items;
  }

  /** The requests for the datasets that this steward owns. The first page of each has what waits for a decision. */
  async function readOwnedUses(): Promise<DatasetUse[]> {
    const catalogue = await readList<DatasetTerms>('listCatalogue', 'dataset catalogue');
    const owned = catalogue.filter(({ owner, withdrawn }) => owner === me.id && !withdrawn);
    const uses = await Promise.all(
      owned.map(({ dataset }) => readList<DatasetUse>('listDatasetUses', 'dataset requests', { dataset }, 1)),
    );
    return uses.flat();
  }

  const lists: Promise<NextStep[]>[] = [];
  const add = <Item>(items: Promise<Item[]>, step: (item: Item) => NextStep) =>
    lists.push(items.then(list => list.map(step)));
  if (isIn('operator')) {
    add(readList<Parameters<typeof stepOfProject>[0]>('listProjects', 'project list'), stepOfProject);
    add(readList<Parameters<typeof stepOfReport>[0]>('listReports', 'cost list', {}, 1), stepOfReport);
  }
  if (isIn('operator', 'reviewer'))
    add(readList<Parameters<typeof stepOfOwnRequest>[0]>('listQueue', 'airlock queue'), request =>
      stepOfQueuedRequest(request, me.groups),
    );
  if (isIn('operator', 'steward', 'partner'))
    // Held deliveries come first, so the first page has what a person must act on.
    add(readList<Parameters<typeof stepOfDelivery>[0]>('listDeliveries', 'delivery list', {}, 1), delivery =>
      stepOfDelivery(delivery, delivery.partner === me.id),
    );
  if (isIn('steward')) add(readOwnedUses(), use => stepOfUse(use, true));
  if (isIn('steward', 'partner'))
    add(readList<EnclaveRun>('listPartyEnclaveRuns', 'enclave mine', {}, 1), run => stepOfEnclaveRun(run, me.id));
  if (isIn('researcher'))
    for (const { project } of me.projects) {
      const readOwn = async <Item>(items: Promise<Item[]>, isOwn: (item: Item) => boolean) =>
        (await items).filter(isOwn);
      type Request = Parameters<typeof stepOfOwnRequest>[0];
      type Workspace = Parameters<typeof stepOfWorkspace>[0];
      add(
        readOwn(
          readList<Request>('listRequests', `airlock list ${project}`, { project }),
          request => request.requester === me.id,
        ),
        stepOfOwnRequest,
      );
      add(
        readOwn(
          readList<Workspace>('listWorkspaces', `workspace list ${project}`, { project }),
          workspace => workspace.owner === me.id,
        ),
        stepOfWorkspace,
      );
      add(readList<EnclaveRun>('listEnclaveRuns', `enclave list ${project}`, { project }, 1), run =>
        stepOfEnclaveRun(run, undefined),
      );
      add(readList<DatasetUse>('listProjectUses', `dataset uses ${project}`, { project }, 1), use =>
        stepOfUse(use, false),
      );
    }
  return { name: me.name, steps: (await Promise.all(lists)).flat(), more: cutLists };
}

const sections: readonly { readonly standing: Exclude<Standing, 'done'>; readonly heading: string }[] = [
  { standing: 'trouble', heading: 'Something went wrong' },
  { standing: 'waiting', heading: 'Waiting for you' },
  { standing: 'underWay', heading: 'Under way' },
];

function formatStep({ subject, status, due, reason, command }: NextStep, width: number | undefined): string {
  const state = `${formatStatusWords(status)}${due === undefined ? '' : `, due ${formatTime(due)}`}`;
  const texts = [
    `${escapeForTerminal(subject)} (${state})`,
    ...(reason === undefined ? [] : [escapeForTerminal(reason)]),
  ];
  return [
    ...texts.map((text, index) => indentedTexts([text], width, index === 0 ? 2 : 4)),
    // A command stays on one line, because people copy it.
    ...(command === undefined ? [] : [`    Next: broch ${command}`]),
  ].join('\n');
}

export function formatStatusReport(report: StatusReport, width: number | undefined): string {
  const parts = sections
    .filter(({ standing }) => report[standing].length > 0)
    .map(({ standing, heading }) => `${heading}:\n${report[standing].map(step => formatStep(step, width)).join('\n')}`);
  if (parts.length === 0) parts.push('Nothing waits for you, and nothing is under way.');
  if (report.more.length > 0)
    parts.push(`Older things are left out. See: ${report.more.map(words => `broch ${words}`).join(', ')}`);
  return parts.join('\n\n');
}

export const statusCommand = defineCommand({
  words: ['status'],
  summary: 'Show what waits for you, what went wrong and what is under way, with the next command for each',
  notes: [
    'It reads the lists that your groups and projects allow: requests, workspaces, datasets, deliveries, projects, cost cards.',
  ],
  examples: ['status', 'status --as vera'],
  params: z.object({}),
  flags: z.object({}),
  async run(_, context: CommandContext) {
    const { name, steps, more: cutLists } = await collectSteps(context.api());
    // What is due first comes first; what has no date keeps its order behind it.
    const byDue = (a: NextStep, b: NextStep) => (a.due ?? '~').localeCompare(b.due ?? '~');
    const pick = (standing: Standing) => steps.filter(step => step.standing === standing).sort(byDue);
    const report: StatusReport = {
      name,
      trouble: pick('trouble'),
      waiting: pick('waiting'),
      underWay: pick('underWay'),
      more: cutLists,
    };
    context.result(report, formatStatusReport(report, context.width));
    return 'ok';
  },
});
