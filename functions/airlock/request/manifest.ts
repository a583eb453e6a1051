import * as z from 'zod';
import { FileKind } from '../../../disclosure/file.ts';
import { Policy } from '../../../disclosure/policy.ts';
import { PlainText } from '../../plain-text.ts';

/** One file as it was sealed: everything after the submission is about exactly these bytes. */
export const SealedFile = z.object({
  path: z.string(),
  size: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** The file as it was submitted, where another was sealed: the same, written again from what reviewers are shown. */
  original: z
    .object({ size: z.number().int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })
    .optional()
    .describe('the submitted file, if the sealed one was written again from it'),
  /** The version in the airlock's own bucket. */
  versionId: z.string(),
  kind: FileKind,
  /** The media type that its bytes show, whatever its name says. */
  type: z.string(),
  /** The index of its group in the request. */
  group: z.number().int().nonnegative(),
});
export type SealedFile = z.infer<typeof SealedFile>;

/** What a group of files is for, in the requester's words. */
export const FileGroup = z.object({
  name: PlainText.min(1).max(100),
  kind: FileKind,
  purpose: PlainText.min(1).max(2000),
  context: PlainText.max(5000).default('').describe('what a reviewer must know to assess these files'),
  controls: PlainText.max(2000).default('').describe('the disclosure controls that were applied'),
  /** Paths below the source, with `*` and `**`. The first group that matches a file takes it. */
  paths: z.array(z.string().min(1).max(500)).min(1).max(50),
});
export type FileGroup = z.infer<typeof FileGroup>;

/** The sealed manifest, written once under Object Lock. Checks, votes and releases refer to its SHA-256. */
export const SealManifest = z.object({
  v: z.literal(1),
  request: z.string(),
  round: z.number().int().min(1),
  project: z.string(),
  requester: z.string(),
  /** Who may download the release. */
  recipient: z.string(),
  /** The policy of its checks. Later changes of the project's settings do not affect it. */
  policy: Policy,
  groups: z.array(FileGroup),
  files: z.array(SealedFile),
  sealedAt: z.iso.datetime(),
});
export type SealManifest = z.infer<typeof SealManifest>;

/** A seal as requests, votes and records refer to it. */
export const Seal = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  key: z.string(),
  versionId: z.string(),
  files: z.number().int(),
  bytes: z.number().int(),
  /** How many of the files were written again, so that nothing leaves with them that reviewers are not shown. */
  rewritten: z.number().int().optional(),
  sealedAt: z.iso.datetime(),
});
export type Seal = z.infer<typeof Seal>;
