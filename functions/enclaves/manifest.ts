import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { RunManifest } from './schemas.ts';

/** The canonical JSON (RFC 8785) of a manifest: the same run always gives the same bytes. */
export function manifestText(manifest: RunManifest): string {
  const text = canonicalize(RunManifest.parse(manifest));
  if (text === undefined) throw new TypeError('a manifest has no canonical form');
  return text;
}

export const manifestDigest = (manifest: RunManifest): string => sha384Hex(manifestText(manifest));

const sha384Hex = (content: string | Uint8Array): string => createHash('sha384').update(content).digest('hex');

/** A measurement register after its first extension, from zero, with `data`. */
const extendedPcr = (data: Uint8Array): string => sha384Hex(Buffer.concat([Buffer.alloc(48), data]));

/** What PCR16 must be for a manifest: the loader extends it once, with the SHA-384 of the manifest, and locks it. */
export const expectedPcr16 = (digest: string): string => extendedPcr(Buffer.from(digest, 'hex'));

/** What PCR3 is for the role of the parent instance: https://docs.aws.amazon.com/enclaves/latest/user/set-up-attestation.html */
export const expectedPcr3 = (roleArn: string): string => extendedPcr(Buffer.from(roleArn));
