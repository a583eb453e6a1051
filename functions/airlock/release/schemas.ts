import * as z from 'zod';
import { AllowedNetwork } from './link.ts';
import { ReleasedFile, SIGNING_ALGORITHM } from './record.ts';

// The inputs and answers of the download operations, for the routes, their functions and the command line.

const Token = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'the token of a download link');

export const OpenDownload = z.object({
  network: AllowedNetwork.optional().describe('the only network the link may be used from, such as 192.0.2.0/24'),
});

export const DownloadLink = z.object({
  token: Token.describe('secret: it is not stored, works once, and only for the recipient'),
  expires: z.iso.datetime(),
  usesLeft: z.number().int(),
});
export type DownloadLink = z.infer<typeof DownloadLink>;

export const TakeDownload = z.object({ token: Token });

export const DownloadSession = z.object({
  files: z.number().int(),
  bytes: z.number().int(),
  /** The deadline for requesting the first page. */
  until: z.iso.datetime(),
});
export type DownloadSession = z.infer<typeof DownloadSession>;

export const DownloadFiles = z.object({
  token: Token,
  from: z.number().int().min(0).max(100_000).default(0).describe('where the page begins: `next` of the page before'),
});

/** A current or earlier key that signs releases. */
export const SigningKey = z.object({
  keyId: z.string(),
  algorithm: z.literal(SIGNING_ALGORITHM),
  /** PEM. */
  publicKey: z.string(),
  /** SHA-256 of its DER form. People compare it to know that they have the same key. */
  fingerprint: z.string(),
  /** Whether releases are signed with it now. */
  current: z.boolean(),
});
export type SigningKey = z.infer<typeof SigningKey>;

export const DownloadPage = z.object({
  files: z.array(ReleasedFile),
  /** The deadline for requesting all parts of these files and the next page. */
  until: z.iso.datetime(),
  next: z.number().int().optional(),
});
export type DownloadPage = z.infer<typeof DownloadPage>;

/** The bytes of a part, unless it is the last of its page. In base64 it stays below the 6 MB that a Lambda may answer. */
export const partBytes = 4 * 1024 ** 2;

export const DownloadPart = z.object({
  token: Token,
  file: z
    .number()
    .int()
    .min(0)
    .max(100_000)
    .optional()
    .describe('the first file, counted from 0; left out: the signed record'),
  from: z
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(0)
    .describe('the first byte, counted from the beginning of that file through the files after it'),
});
