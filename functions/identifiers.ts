import * as z from 'zod';

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256: 64 lower-case hexadecimal digits');

/** A user name that the user pool can have: letters, marks, symbols, digits and punctuation, without spaces. */
export const UserName = z
  .string()
  .max(128)
  .regex(/^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$/u, 'a user name, without spaces');

/** One version of an object in a locked bucket, with the hash of its bytes. Other content under this version raises an alarm. */
export const ObjectRef = z.object({ key: z.string(), versionId: z.string(), sha256: Sha256 });
export type ObjectRef = z.infer<typeof ObjectRef>;

/** Why one file cannot be accepted. An empty path means the whole delivery or submission. */
export const Finding = z.object({ path: z.string(), reason: z.string() });
export type Finding = z.infer<typeof Finding>;
