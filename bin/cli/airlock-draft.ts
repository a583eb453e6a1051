import * as z from 'zod';
import { FileKind } from '../../disclosure/file.ts';
import { FileGroup } from '../../functions/airlock/request/manifest.ts';
import { routes } from '../../functions/api/routes.ts';
import { outputsFolder } from '../../functions/batch/definition.ts';
import { JobId } from '../../functions/batch/schemas.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { formatRequest } from './request-text.ts';

const kinds = FileKind.options;
const Pattern = z.array(FileGroup.shape.paths.element).optional();

/** A flag for each kind of file, and what a reviewer must know of all of them. */
const GroupFlags = z.object({
  table: Pattern.describe("tables, as a pattern of paths below the source: 'tables/*.csv'"),
  figure: Pattern.describe('figures, as a pattern of paths'),
  model: Pattern.describe('models, as a pattern of paths'),
  code: Pattern.describe('code, as a pattern of paths'),
  log: Pattern.describe('logs, as a pattern of paths'),
  supporting: Pattern.describe('files that explain others, such as a code list, as a pattern of paths'),
  purpose: FileGroup.shape.purpose.optional().describe('what the files are for'),
  context: z.string().optional().describe('what a reviewer must know to assess the files'),
  controls: z.string().optional().describe('the disclosure controls that you applied'),
  groups: routes.draftRequest.body.shape.groups
    .optional()
    .describe('instead of these flags: groups with purposes of their own, as JSON or @file'),
});

/**
 * The groups that the flags describe: one for each kind of file that has a pattern. Undefined if no flag describes any.
 * Throws a usage error for a pattern without a purpose, for a purpose without a pattern, and for both forms at once.
 */
export function groupsOf({ groups, purpose, context, controls, ...patterns }: z.infer<typeof GroupFlags>) {
  const patternKinds = kinds.filter(kind => patterns[kind] !== undefined);
  const described = [purpose, context, controls].some(text => text !== undefined);
  if (groups !== undefined) {
    if (patternKinds.length > 0 || described)
      throw new ExitError(
        'usage',
        `Pass either --groups or ${patternKinds.map(kind => `--${kind}`).join(', ') || '--purpose'}.`,
      );
    return groups;
  }
  if (patternKinds.length === 0) {
    if (described)
      throw new ExitError('usage', `Name the files too: ${kinds.map(kind => `--${kind}`).join(', ')} with a pattern.`);
    return undefined;
  }
  if (purpose === undefined)
    throw new ExitError('usage', "Say what the files are for: --purpose 'Table 1 of the paper'.");
  return patternKinds.map(kind => ({
    name: kind === 'supporting' || kind === 'code' ? kind : `${kind}s`,
    kind,
    purpose,
    ...(context !== undefined && { context }),
    ...(controls !== undefined && { controls }),
    paths: patterns[kind] ?? [],
  }));
}

/** The folder that the files come from: the one that was named, or what a batch job left. */
export function findSource(source: string | undefined, run: string | undefined): string | undefined {
  if (source !== undefined && run !== undefined) throw new ExitError('usage', 'Pass either --source or --run.');
  return run === undefined ? source : outputsFolder(run);
}

const patternNotes = [
  'Patterns are paths below the source: * stands for any part of a name, ** for any folders. Each kind can be given several',
  'times. A file belongs to the first kind that names it, in this order: table, figure, model, code, log, supporting.',
  'On your desktop, `broch disclosure check <folder>` runs the same checks before you submit.',
];

export const airlockDraftCommand = defineCommand({
  words: ['airlock', 'draft'],
  summary: routes.draftRequest.summary,
  notes: patternNotes,
  examples: [
    "airlock draft asthma --title 'Table 1' --source data/outbox/table1/ --table 'tables/*.csv' --figure 'figures/*' --purpose paper",
    "airlock draft asthma --title Codes --direction import --supporting '**' --purpose reference",
    "airlock draft asthma --title 'Table 1' --source data/outbox/table1/ --groups @groups.json",
    "airlock draft asthma --title Weights --run job-019a0b1c2d3e4f50 --model '*.json' --purpose paper",
  ],
  params: routes.draftRequest.params,
  flags: routes.draftRequest.body.omit({ groups: true }).extend({
    ...GroupFlags.shape,
    run: JobId.optional().describe('instead of --source: a batch job, whose outputs are the source'),
  }),
  async run({ params, flags: { title, direction, source: folder, run, recipient, ...described } }, context) {
    const source = findSource(folder, run);
    const groups = groupsOf(described);
    if (groups === undefined)
      throw new ExitError('usage', "Name the files and what they are for: --table 'tables/*.csv' --purpose paper.");
    const body = { title, direction, source, recipient, groups };
    const request = await context.api().ask('draftRequest', { params, body });
    context.result(request, formatRequest(request, context));
    const words = `${params.project} ${request.id}`;
    context.remark(
      direction === 'import'
        ? `Next: broch airlock upload ${words} <folder>`
        : `Next, on your desktop: broch disclosure check <folder>. Then: broch airlock submit ${words} --folder <folder>`,
    );
    return 'ok';
  },
});

export const airlockEditCommand = defineCommand({
  words: ['airlock', 'edit'],
  summary: routes.editRequest.summary,
  notes: patternNotes,
  examples: [
    "airlock edit asthma al-0011223344556677 --explanation 'The zeros are structural.'",
    "airlock edit asthma al-0011223344556677 --table 'tables/*.csv' --purpose paper",
  ],
  params: routes.editRequest.params,
  flags: routes.editRequest.body.omit({ groups: true }).extend(GroupFlags.shape),
  async run({ params, flags: { title, source, recipient, explanation, ...described } }, context) {
    const groups = groupsOf(described);
    if ([title, source, recipient, explanation, groups].every(value => value === undefined))
      throw new ExitError('usage', 'Name what to change, such as --title or --explanation.');
    const body = { title, source, recipient, explanation, ...(groups && { groups }) };
    const request = await context.api().ask('editRequest', { params, body });
    context.result(request, formatRequest(request, context));
    context.remark(`Next: broch airlock submit ${params.project} ${params.request}`);
    return 'ok';
  },
});
