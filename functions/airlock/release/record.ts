import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import * as z from 'zod';
import { Direction } from '../../../disclosure/policy.ts';
import { JobId } from '../../batch/schemas.ts';
import { Refused } from '../../refused.ts';
import { findPathClashes, pathProblem } from '../../storage/paths.ts';
import { SeenExtent } from '../request/votes.ts';

/** ECDSA over P-256: the algorithm of the release key, and the only one that verification accepts. */
export const SIGNING_ALGORITHM = 'ECDSA_SHA_256';

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Id = z.string().min(1).max(200);

export const ReleasedFile = z.strictObject({
  path: z.string().min(1).max(1024),
  size: z.number().int().nonnegative(),
  sha256: Sha256,
});
export type ReleasedFile = z.infer<typeof ReleasedFile>;

/**
 * What was released to whom, who approved it, and under which policy. The requester and the recipient appear by id, never by
 * name. Reviewers have pseudonyms, because the record leaves the environment.
 */
export const ReleaseRecord = z.strictObject({
  v: z.literal(1),
  request: Id,
  round: z.number().int().min(1),
  /** Out of the project, or into it. */
  direction: Direction,
  project: Id,
  seal: z.strictObject({
    sha256: Sha256,
    files: z.number().int().nonnegative(),
    bytes: z.number().int().nonnegative(),
    sealedAt: z.iso.datetime(),
  }),
  /** The released files: all sealed files, or the approved ones. */
  files: z.array(ReleasedFile).min(1).max(100_000),
  requester: Id,
  reviewers: z.array(z.strictObject({ id: Id, at: z.iso.datetime(), extent: SeenExtent.optional() })).min(1),
  /** The SHA-256 of the stored check reports that the reviewers saw. */
  checks: Sha256,
  /** The version of the disclosure policy. */
  policy: z.string().min(1).max(200),
  approvedAt: z.iso.datetime(),
  releasedAt: z.iso.datetime(),
  expires: z.iso.datetime(),
  recipient: Id,
  /** The batch job whose outputs the files are. */
  run: JobId.optional(),
  keyId: z.string().min(1).max(2048),
  algorithm: z.literal(SIGNING_ALGORITHM),
});
export type ReleaseRecord = z.infer<typeof ReleaseRecord>;

/** `release.json`: everything that is needed to verify a release offline, apart from a trusted key. */
export const SignedRelease = z.strictObject({
  record: ReleaseRecord,
  signature: z.strictObject({
    algorithm: z.literal(SIGNING_ALGORITHM),
    keyId: z.string().min(1).max(2048),
    /** Base64 of the DER form. */
    value: z.string().regex(/^[A-Za-z0-9+/]{80,104}={0,2}$/),
  }),
  /** The signing key's public half, PEM. It proves nothing by itself: compare its fingerprint. */
  publicKey: z.string().max(4096),
});
export type SignedRelease = z.infer<typeof SignedRelease>;

/** The text to sign, in the canonical form of RFC 8785: the same record always gives the same bytes. */
export function signingInput(record: ReleaseRecord): string {
  const text = canonicalize(record);
  if (text === undefined) throw new TypeError('a release record has no canonical form');
  return text;
}

export const digestOf = (record: ReleaseRecord): Buffer =>
  createHash('sha256').update(signingInput(record), 'utf8').digest();

type Draft = Omit<ReleaseRecord, 'v' | 'algorithm'>;

/**
 * Makes the record of a release. Refuses contradictions: a reviewer who is the requester or is counted twice, a verdict
 * after the approval, files that do not add up, names that clash. Reviewers become "reviewer 1" and so on, in the order of
 * their votes: the request itself keeps who they are.
 */
export function recordOf(draft: Draft): ReleaseRecord {
  const files = draft.files.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const record = ReleaseRecord.parse({ ...draft, files, v: 1, algorithm: SIGNING_ALGORITHM });
  const wrong = contradictions(record);
  if (wrong.length > 0)
    throw new Refused('conflict', 'The release record contradicts itself, so it is not signed.', wrong);
  const reviewers = record.reviewers
    .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))
    .map((reviewer, index) => ({ ...reviewer, id: `reviewer ${index + 1}` }));
  return { ...record, reviewers };
}

/** The contradictions in a record, as sentences. This platform does not sign a record that has any. */
export function contradictions(record: ReleaseRecord): string[] {
  const { files, seal, reviewers } = record;
  const timeOf = (iso: string) => Date.parse(iso);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const duplicates = files.filter((file, index) => files[index - 1]?.path === file.path);
  const checks: [boolean, string][] = [
    [reviewers.some(({ id }) => id === record.requester), 'One of the reviewers is the requester.'],
    [new Set(reviewers.map(({ id }) => id)).size < reviewers.length, 'The same reviewer is listed twice.'],
    [
      reviewers.some(({ at: voteTime }) => timeOf(voteTime) > timeOf(record.approvedAt)),
      'It was approved before a reviewer voted.',
    ],
    [
      reviewers.some(({ at: voteTime }) => timeOf(voteTime) < timeOf(seal.sealedAt)),
      'A reviewer voted before it was sealed.',
    ],
    [timeOf(record.approvedAt) > timeOf(record.releasedAt), 'It was released before it was approved.'],
    [timeOf(record.releasedAt) >= timeOf(record.expires), 'It was already expired when it was released.'],
    [files.length > seal.files || bytes > seal.bytes, 'It lists more files or bytes than were sealed.'],
    [files.length === seal.files && bytes !== seal.bytes, 'It lists all sealed files, but their total size differs.'],
    [files.some((file, index) => (files[index - 1]?.path ?? '') > file.path), 'Its files are not in order.'],
    [duplicates.length > 0, 'A file is listed twice.'],
  ];
  const names = files.flatMap(({ path }) => pathProblem(path, 1024) ?? []);
  const clashes = findPathClashes(files.map(({ path }) => path)).map(({ path, reason }) => `${path}: ${reason}`);
  return [...checks.flatMap(([wrong, problem]) => (wrong ? [problem] : [])), ...names, ...clashes];
}
