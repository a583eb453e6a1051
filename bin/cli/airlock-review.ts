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

const SealSource = z.object({
  seal: routes.returnRequest.body.shape.seal.optional().describe('the seal (SHA-256) that you reviewed'),
  seen: z.string().min(1).optional().describe('or the folder that `airlock preview` wrote, which contains the seal'),
});
type SealSource = z.infer<typeof SealSource>;

/** The seal to vote on: given, or read from the pages. Approval by pages requires a page for every file. */
async function sealOf(
  { seal, seen: folder }: SealSource,
  { project, request }: { project: string; request: string },
  verdict: string,
): Promise<string> {
  if ((seal === undefined) === (folder === undefined))
    throw new ExitError('usage', 'Name what you reviewed: pass --seen with the folder of its pages, or --seal.');
  if (folder === undefined) return seal as string;
  const receipt = await seenIn(folder);
  if (receipt.project !== project || receipt.request !== request)
    throw new ExitError(
      'refused',
      `${folder} shows request ${receipt.request} of project ${receipt.project}, not this one. Preview this request first.`,
    );
  const unpreviewed = receipt.files - receipt.shown.length;
  if (verdict === 'approve' && unpreviewed > 0)
    throw new ExitError(
      'refused',
      `${folder} has no page for ${formatCount(unpreviewed)} of the files. Preview all files, or pass --seal.`,
    );
  return receipt.seal;
}

const voteNotes = [
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
  notes: voteNotes,
  examples: [
    'airlock review asthma al-0011223344556677 --seen ./look --verdict approve',
    "airlock review asthma al-0011223344556677 --seen ./look --verdict reject --comment 'These are rows of people.'",
  ],
  params: routes.reviewRequest.params,
  flags: routes.reviewRequest.body.omit({ seal: true }).extend(SealSource.shape),
  async run({ params, flags: { seal, seen: folder, ...ballot } }, context) {
    const reviewSeal = await sealOf({ seal, seen: folder }, params, ballot.verdict);
    return cast('reviewRequest', params, { ...ballot, seal: reviewSeal }, context);
  },
});

export const airlockReturnCommand = defineCommand({
  words: ['airlock', 'return'],
  summary: routes.returnRequest.summary,
  notes: voteNotes,
  examples: ["airlock return asthma al-0011223344556677 --seen ./look --comment 'Round the counts.'"],
  params: routes.returnRequest.params,
  flags: routes.returnRequest.body.omit({ seal: true }).extend(SealSource.shape),
  async run({ params, flags: { seal, seen: folder, ...ballot } }, context) {
    const reviewSeal = await sealOf({ seal, seen: folder }, params, 'return');
    return cast('returnRequest', params, { ...ballot, seal: reviewSeal }, context);
  },
});
