import { join } from 'node:path';
import * as z from 'zod';
import { type RouteName, routes } from '../../functions/api/routes.ts';
import { PreviewReceipt, previewReceiptFile } from './airlock-preview.ts';
import { readTextFile } from './airlock-tree.ts';
import { type CliCommand, defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { formatCount, formatRecord } from './output.ts';
import { toOutputShape } from './shape.ts';

/** Reads which request and seal the pages of a folder show. */
async function seenIn(folder: string): Promise<z.infer<typeof PreviewReceipt>> {
  try {
    return PreviewReceipt.parse(JSON.parse(await readTextFile(join(folder, previewReceiptFile))));
  } catch (error) {
    if (error instanceof ExitError) throw error;
    throw new ExitError('usage', `${folder} was not written by \`broch airlock preview\`.`);
  }
}

const Looked = z.object({
  seal: routes.returnRequest.body.shape.seal.optional().describe('the seal (SHA-256) that you reviewed'),
  seen: z.string().min(1).optional().describe('or the folder that `airlock preview` wrote, which contains the seal'),
});
type Looked = z.infer<typeof Looked>;

/** The seal to vote on: given, or read from the pages. Approval by pages requires a page for every file. */
async function sealOf(
  { seal, seen }: Looked,
  { project, request }: { project: string; request: string },
  verdict: string,
): Promise<string> {
  if ((seal === undefined) === (seen === undefined))
    throw new ExitError('usage', 'Name what you reviewed: pass --seen with the folder of its pages, or --seal.');
  if (seen === undefined) return seal as string;
  const looked = await seenIn(seen);
  if (looked.project !== project || looked.request !== request)
    throw new ExitError(
      'refused',
      `${seen} shows request ${looked.request} of project ${looked.project}, not this one. Preview this request first.`,
    );
  const left = looked.files - looked.shown.length;
  if (verdict === 'approve' && left > 0)
    throw new ExitError(
      'refused',
      `${seen} has no page for ${formatCount(left)} of the files. Preview all files, or pass --seal.`,
    );
  return looked.seal;
}

const about = [
  'A vote applies to one seal: it is refused if the files were submitted again since your preview. With --seen the seal',
  'is read from the pages you reviewed, and you can approve only if every file has a page.',
  'Votes are hidden until the decision. Until then you may vote again; your last vote counts.',
];

async function cast(
  name: 'reviewRequest' | 'returnRequest',
  params: object,
  body: object,
  context: Parameters<CliCommand['run']>[1],
) {
  const value = (await context.api().call(name satisfies RouteName, {
    params: { ...params },
    body: { ...body },
  })) as Record<string, unknown>;
  context.result(value, formatRecord(value, toOutputShape(routes[name].returns), context));
  return 'ok' as const;
}

export const airlockReviewCommand = defineCommand({
  words: ['airlock', 'review'],
  summary: routes.reviewRequest.summary,
  about,
  examples: [
    'airlock review asthma al-0011223344556677 --seen ./look --verdict approve',
    "airlock review asthma al-0011223344556677 --seen ./look --verdict reject --comment 'These are rows of people.'",
  ],
  params: routes.reviewRequest.params,
  flags: routes.reviewRequest.body.omit({ seal: true }).extend(Looked.shape),
  async run({ params, flags: { seal, seen, ...ballot } }, context) {
    const looked = await sealOf({ seal, seen }, params, ballot.verdict);
    return cast('reviewRequest', params, { ...ballot, seal: looked }, context);
  },
});

export const airlockReturnCommand = defineCommand({
  words: ['airlock', 'return'],
  summary: routes.returnRequest.summary,
  about,
  examples: ["airlock return asthma al-0011223344556677 --seen ./look --comment 'Round the counts.'"],
  params: routes.returnRequest.params,
  flags: routes.returnRequest.body.omit({ seal: true }).extend(Looked.shape),
  async run({ params, flags: { seal, seen, ...ballot } }, context) {
    const looked = await sealOf({ seal, seen }, params, 'return');
    return cast('returnRequest', params, { ...ballot, seal: looked }, context);
  },
});
