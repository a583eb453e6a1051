import * as z from 'zod';
import { Sha256 } from '../../identifiers.ts';
import { PlainText } from '../../plain-text.ts';
import type { Seal } from './manifest.ts';

const VoteVerdict = z.enum(['approve', 'return', 'reject']);
type VoteVerdict = z.infer<typeof VoteVerdict>;

/** How much of the files a reviewer saw: `whole` says that the reviewer paged through the rest of each. */
export const SeenExtent = z.enum(['whole', 'part']);

const FileChange = z.object({ path: z.string().min(1).max(1024), comment: PlainText.min(1).max(500) });
/** With the file's place in the sealed manifest, from 1: what members see instead of its name. */
const NumberedChange = FileChange.extend({ file: z.number().int().min(1) });

/** A reviewer's vote as sent. The verdict covers every file that `files` does not name. */
export const Ballot = z.object({
  verdict: VoteVerdict,
  /** The seal that was reviewed. A vote on another seal does not count. */
  seal: Sha256.describe('the SHA-256 of the seal you looked at'),
  /** Needed to approve where pages show files only in part; kept with the vote and in the release record. */
  extent: SeenExtent.optional().describe(
    'how much of the files you saw: needed to approve files that their pages show only in part',
  ),
  comment: PlainText.max(5000).default('').describe('to the requester'),
  note: PlainText.max(5000).default('').describe('to the other reviewers only'),
  files: z
    .array(FileChange)
    .max(50)
    .default([])
    .describe('files that must change, each with a comment to the requester'),
});
export type Ballot = z.infer<typeof Ballot>;
/** A ballot whose files were found in the sealed manifest. */
export type NumberedBallot = Omit<Ballot, 'files'> & { readonly files: z.infer<typeof NumberedChange>[] };

/** A vote on one seal, of one round. */
export const Vote = Ballot.extend({
  files: z.array(NumberedChange),
  by: z.string().min(1),
  name: z.string().min(1),
  round: z.number().int().min(1),
  at: z.iso.datetime(),
});
export type Vote = z.infer<typeof Vote>;

/** The result of the votes. `open` waits for the quorum; `conflict` waits for one vote more than the quorum. */
export type VoteOutcome = 'open' | 'conflict' | 'approved' | 'returned' | 'rejected';

/**
 * The quorum decides if it agrees, or if nobody rejects. If some reject and others do not, one more reviewer votes, and
 * the side with the quorum wins. If neither side has it, the request returns to the requester.
 */
export function voteOutcome(votes: readonly Pick<Vote, 'verdict'>[], quorum: number): VoteOutcome {
  if (votes.length < quorum) return 'open';
  const count = (verdict: VoteVerdict) => votes.filter(vote => vote.verdict === verdict).length;
  const [approvals, rejections] = [count('approve'), count('reject')];
  const dispute = rejections > 0 && rejections < votes.length;
  if (dispute && votes.length === quorum) return 'conflict';
  if (approvals >= quorum) return 'approved';
  if (rejections >= quorum) return 'rejected';
  return 'returned';
}

/** The votes that count: on this seal, in this round, by people who are still eligible, one each. */
export const countedVotes = (votes: readonly Vote[], seal: Seal, round: number, qualified: (user: string) => boolean) =>
  votes.filter(
    (vote, index) =>
      vote.seal === seal.sha256 &&
      vote.round === round &&
      qualified(vote.by) &&
      votes.findIndex(({ by: voter }) => voter === vote.by) === index,
  );

/** The files that approving reviewers want changed. */
export const withheldFiles = (votes: readonly Vote[]): string[] =>
  [
    ...new Set(
      votes.filter(({ verdict }) => verdict === 'approve').flatMap(({ files }) => files.map(({ path }) => path)),
    ),
  ].sort();
