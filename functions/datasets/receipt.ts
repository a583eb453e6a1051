import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import canonicalize from 'canonicalize';
import * as z from 'zod';
import { Sha256 } from '../identifiers.ts';
import { DatasetId } from '../ingest/schemas.ts';

/** ECDSA over P-256: the only algorithm that verification accepts. */
export const RECEIPT_ALGORITHM = 'ECDSA_SHA_256';

/** One object version that is gone. The SHA-256 is known of the files of versions. */
export const ErasedObject = z.strictObject({
  bucket: z.string().min(1).max(63),
  key: z.string().min(1).max(1024),
  version: z.string().min(1).max(1024),
  size: z.number().int().nonnegative(),
  sha256: Sha256.optional(),
});
export type ErasedObject = z.infer<typeof ErasedObject>;

/** What was deleted of a withdrawn dataset, on whose decision and why. */
const ErasureRecord = z.strictObject({
  v: z.literal(1),
  dataset: DatasetId,
  controller: z.string(),
  licence: z.string(),
  withdrawnAt: z.iso.datetime(),
  withdrawnBy: z.string(),
  reason: z.string(),
  objects: z.array(ErasedObject).min(1),
  deletedAt: z.iso.datetime(),
  keyId: z.string().min(1).max(2048),
  algorithm: z.literal(RECEIPT_ALGORITHM),
});
export type ErasureRecord = z.infer<typeof ErasureRecord>;

/** The receipt of a deletion: all that is needed to verify it offline, apart from a key that one trusts. */
export const ErasureReceipt = z.strictObject({
  record: ErasureRecord,
  /** Base64 of the DER form. */
  signature: z.string().regex(/^[A-Za-z0-9+/]{80,104}={0,2}$/),
  /** The signing key's public half, PEM. It proves nothing by itself: compare its fingerprint. */
  publicKey: z.string().max(4096),
});
export type ErasureReceipt = z.infer<typeof ErasureReceipt>;

/** The text to sign, in the canonical form of RFC 8785. */
function receiptText(record: ErasureRecord): string {
  const text = canonicalize(record);
  if (text === undefined) throw new TypeError('a record has no canonical form');
  return text;
}

export const receiptDigest = (record: ErasureRecord): Buffer =>
  createHash('sha256').update(receiptText(record), 'utf8').digest();

/** The record, with its objects in order, each once. */
export function buildErasureRecord(draft: Omit<ErasureRecord, 'v' | 'algorithm'>): ErasureRecord {
  const objects = new Map(draft.objects.map(object => [`${object.bucket}\n${object.key}\n${object.version}`, object]));
  return ErasureRecord.parse({
    ...draft,
    v: 1,
    algorithm: RECEIPT_ALGORITHM,
    objects: [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object),
  });
}

export interface ReceiptVerdict {
  readonly record?: ErasureRecord;
  readonly fingerprint?: string;
  /** What is wrong with the receipt, each in a sentence. */
  readonly problems: readonly string[];
}

function isSignedBy(key: KeyObject, { record, signature }: ErasureReceipt): boolean {
  try {
    return verify('sha256', Buffer.from(receiptText(record), 'utf8'), key, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

/** Verifies a receipt without a network: its form, its signature and, with a pin, its key. */
export function verifyErasureReceipt(text: string, pin?: string): ReceiptVerdict {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problems: ['It is not JSON.'] };
  }
  const result = ErasureReceipt.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    return { problems: [`It is not a receipt of a deletion: ${issue?.path.join('.') || 'top'}: ${issue?.message}`] };
  }
  const { record, publicKey } = result.data;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: publicKey, format: 'pem' });
  } catch {
    return { record, problems: ['Its public key cannot be read.'] };
  }
  const fingerprint = createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex');
  const isOurs = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  const problems = [
    ...(isOurs ? [] : ['Its key is not one of ECDSA over P-256.']),
    ...(isOurs && !isSignedBy(key, result.data)
      ? ['The signature does not belong to this record: the record, or the signature, was changed.']
      : []),
    ...(pin !== undefined && pin !== fingerprint
      ? [`It is signed by another key than the one you trust: its fingerprint is ${fingerprint}.`]
      : []),
  ];
  return { record, fingerprint, problems };
}
