import { join } from 'node:path';
import * as z from 'zod';
import type { Ballot, SeenExtent } from '../../functions/airlock/request/votes.ts';
import { routes } from '../../functions/api/routes.ts';
import { PreviewReceipt, previewReceiptFile } from './airlock-preview.ts';
import { readTextFile } from './airlock-tree.ts';
import { type CliCommand, defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { formatCount } from './output.ts';
import { formatVoteReceipt } from './request-text.ts';

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

/**
 * How much of the files a vote on the pages of a folder says was seen. Approval of pages that show files only in part
 * needs the reviewer's own word; the word is kept with the vote.
 */
export function extentOfPages(
  folder: string,
  { partly }: Pick<z.infer<typeof PreviewReceipt>, 'partly'>,
  verdict: string,
  extent: z.infer<typeof SeenExtent> | undefined,
): z.infer<typeof SeenExtent> | undefined {
  if (verdict !== 'approve' || extent !== undefined) return extent;
  if (partly.length === 0) return 'whole';
  const names = `${partly.slice(0, 3).join(', ')}${partly.length > 3 ? ', …' : ''}`;
  throw new ExitError(
    'refused',
    `${folder} shows ${formatCount(partly.length)} of the files only in part: ${names}. Page through the rest of each and pass --extent whole, or accept what you did not see with --extent part.`,
  );
}

/** The seal to vote on: given, or read from the pages. Approval by pages requires a page for every file. */
async function sealOf(
  { seal, seen: folder }: SealSource,
  { project, request }: { project: string; request: string },
  { verdict, extent }: Pick<z.infer<typeof Ballot>, 'verdict' | 'extent'>,
): Promise<Pick<z.infer<typeof Ballot>, 'seal' | 'extent'>> {
  if ((seal === undefined) === (folder === undefined))
    throw new ExitError('usage', 'Name what you reviewed: pass --seen with the folder of its pages, or --seal.');
  if (folder === undefined) return { seal: seal as string, extent };
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
  return { seal: receipt.seal, extent: extentOfPages(folder, receipt, verdict, extent) };
}

const voteNotes = [
  'A vote applies to one seal: it is refused if the files were submitted again since your preview. With --seen the seal',
  'is read from the pages you reviewed, and you can approve only if every file has a page. If pages show files only in',
  'part, say with --extent whether you paged through the rest (whole) or not (part). The vote and the record keep it.',
  'Votes are hidden until the decision. Until then you may vote again; your last vote counts.',
];

async function cast(
  name: 'reviewRequest' | 'returnRequest',
  params: object,
  body: object,
  context: Parameters<CliCommand['run']>[1],
) {
  const request = await context.api().ask(name, { params: { ...params }, body: { ...body } });
  const verdict = 'verdict' in body ? String(body.verdict) : 'return';
  context.result(request, formatVoteReceipt(request, verdict, context));
  context.remark(
    request.status === 'approved'
      ? `Next: broch airlock release ${request.project} ${request.id}`
      : 'Next: broch airlock queue',
  );
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
    const review = await sealOf({ seal, seen: folder }, params, ballot);
    return cast('reviewRequest', params, { ...ballot, ...review }, context);
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
    const { seal: reviewSeal } = await sealOf({ seal, seen: folder }, params, { verdict: 'return' });
    return cast('returnRequest', params, { ...ballot, seal: reviewSeal }, context);
  },
});
