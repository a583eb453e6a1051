import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { routes } from '../../functions/api/routes.ts';
import { WorkspaceKind, WorkspaceSize, type WorkspaceView } from '../../functions/workspaces/schemas.ts';
import type { ApiClient } from './call.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { ProgressLine } from './progress.ts';

/** How many are asked for at the same time. The API answers faster than EC2 starts machines. */
const WIDTH = 8;

/** The names in a course list: the column `name` of a CSV file, each once. */
function parseCourse(text: string): string[] {
  const [header = [], ...rows] = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter(line => line.trim() !== '')
    .map(line => line.split(',').map(cell => cell.trim().replace(/^"(.*)"$/, '$1')));
  const column = header.findIndex(cell => cell.toLowerCase() === 'name');
  if (column < 0) throw new ExitError('usage', 'The list has no column `name` in its first line.');
  const names = [...new Set(rows.map(row => row[column] ?? ''))].filter(name => name !== '');
  if (names.length === 0) throw new ExitError('usage', 'The list names nobody.');
  return names;
}

/** What became of one person. */
interface CourseEntry {
  readonly name: string;
  readonly workspace?: string;
  readonly status: string;
  readonly reason?: string;
}

/** Does something for each, some at the same time. What it does must not throw. */
async function forEachAtOnce<Item>(items: readonly Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const rest = [...items];
  const work = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: WIDTH }, work));
}

async function listAll<Item>(
  read: (next: string | undefined) => Promise<{ items: Item[]; next?: string | undefined }>,
) {
  const items: Item[] = [];
  let next: string | undefined;
  do {
    const page = await read(next);
    items.push(...page.items);
    next = page.next;
  } while (next !== undefined);
  return items;
}

interface Course {
  readonly project: string;
  readonly kind: WorkspaceView['kind'];
  readonly size: WorkspaceView['size'];
  readonly names: readonly string[];
}

/** Asks for a workspace for each person. A refusal is that person's alone. */
export async function askForCourse(
  api: ApiClient,
  { project, kind, size, names }: Course,
  report: (count: number) => void = () => {},
): Promise<CourseEntry[]> {
  const params = { project };
  const members = await listAll(next => api.ask('listMembers', { params, query: { limit: 100, next } }));
  const entries = new Map<string, CourseEntry>();
  await forEachAtOnce(names, async name => {
    const member = members.find(person => person.name === name);
    try {
      if (!member) throw new ExitError('refused', `${name} is no member of ${project}.`);
      const { id, status } = await api.ask('giveWorkspace', { params, body: { member: member.user, kind, size } });
      entries.set(name, { name, workspace: id, status });
    } catch (error) {
      if (!(error instanceof ExitError) || error.ending === 'unsigned') throw error;
      entries.set(name, { name, status: 'refused', reason: error.message });
    }
    report(entries.size);
  });
  return names.flatMap(name => entries.get(name) ?? []);
}

const isSettled = ({ status }: CourseEntry) => !['requested', 'starting'].includes(status);

/** Reads all workspaces of the project at once, however many people there are. */
async function readCourse(api: ApiClient, project: string, entries: readonly CourseEntry[]): Promise<CourseEntry[]> {
  const query = { limit: 100 };
  const workspaces = await listAll(next =>
    api.ask('listWorkspaces', { params: { project }, query: { ...query, next } }),
  );
  return entries.map(entry => {
    const workspace = workspaces.find(({ id }) => id === entry.workspace);
    if (!workspace) return entry;
    const reason = 'reason' in workspace ? workspace.reason : workspace.problem;
    return { ...entry, status: workspace.status, ...(reason !== undefined && { reason }) };
  });
}

const countsOf = (entries: readonly CourseEntry[]) => {
  const counts = new Map<string, number>();
  for (const { status } of entries) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
};

export const launchCommand = defineCommand({
  words: ['workspace', 'launch'],
  summary: 'Start a workspace for each person of a course, and show what became of each',
  notes: [
    'Only a lead of the project can do this. The list is a CSV file with a column `name`; everybody on it must be a member.',
    'If some fail, run the command again: whoever has a workspace of this kind keeps it.',
  ],
  examples: ['workspace launch asthma --course people.csv'],
  params: routes.giveWorkspace.params,
  flags: z.object({
    course: z.string().min(1).describe('the list of people, a CSV file'),
    kind: WorkspaceKind.default('desktop').describe('desktop, notebook, gpu or windows'),
    size: WorkspaceSize.default('small').describe('small, medium or large'),
  }),
  async run({ params: { project }, flags: { course, kind, size } }, context) {
    let text: string;
    try {
      text = readFileSync(course, 'utf8');
    } catch (error) {
      throw new ExitError('usage', `${course} cannot be read: ${(error as Error).message}`);
    }
    const names = parseCourse(text);
    using progress = new ProgressLine(context);
    const api = context.api();
    let entries = await askForCourse(api, { project, kind, size, names }, count =>
      progress.figures(`${count} of ${names.length} people asked for`),
    );
    while (!entries.every(isSettled)) {
      await sleep(5000);
      entries = await readCourse(api, project, entries);
      progress.figures(countsOf(entries));
    }
    const lines = entries.map(({ name, workspace = '-', status, reason }) =>
      [name.padEnd(20), workspace.padEnd(15), status, reason && `: ${reason}`].filter(Boolean).join(' '),
    );
    context.result({ items: entries }, [...lines, countsOf(entries)].join('\n'));
    return entries.every(({ status }) => status === 'ready') ? 'ok' : 'refused';
  },
});
