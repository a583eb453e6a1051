import { createPublicKey, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import { type AttestationDocument, AttestationError, parseAttestation } from './attestation-document.ts';
import { encodeSigStructure } from './cbor.ts';
import { isP384, parseChain, verifyChain } from './certificate-chain.ts';
import { NITRO_ROOT_PEM } from './nitro-root.ts';

export interface AttestationPolicy {
  /** The trusted roots, PEM. Without them, AWS's own of the commercial partition. */
  readonly roots?: readonly string[];
  /** The time to judge at, in milliseconds since 1970. Without it, the document's own: right for archived evidence. */
  readonly time?: number;
  /** How old the document may be at `time`. */
  readonly maxAgeMs?: number;
  /** For a PCR the values that it may have, as bytes. */
  readonly pcrs?: ReadonlyMap<number, readonly Uint8Array[]>;
  readonly nonce?: Uint8Array;
  readonly userData?: Uint8Array;
  /** Accepts an enclave in debug mode, which anybody on the parent can read. Never with data. */
  readonly allowDebug?: boolean;
  /** Requires an RSA-2048 key, for which KMS can encrypt data keys. */
  readonly needsRecipientKey?: boolean;
}

export interface AttestationVerdict {
  readonly ok: boolean;
  /** One sentence. */
  readonly reason: string;
  /** As the document says. They prove something only if `ok` is true. Those of all zeros but 0, 1 and 2 are left out. */
  readonly pcrs: Readonly<Record<string, string>>;
  readonly moduleId: string | null;
  /** The time that certificates were judged at, ISO 8601. */
  readonly at: string | null;
  /** Whether that time is the document's own, and not now. */
  readonly atOwnTime: boolean;
  readonly timestamp: string | null;
  /** The SHA-256 fingerprint of the root that the document leads to. */
  readonly root: string | null;
  readonly publicKey: string | null;
  readonly userData: string | null;
  readonly nonce: string | null;
}

const SKEW_MS = 5 * 60 * 1000;
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const isZero = (bytes: Uint8Array | undefined) => bytes === undefined || bytes.every(byte => byte === 0);
const isEqual = (value: Uint8Array | undefined, expectation: Uint8Array) =>
  value !== undefined && value.length === expectation.length && timingSafeEqual(value, expectation);

/** Whether an enclave runs in debug mode: its measurements are all zero then, but not its PCR3 and PCR4. */
const isDebug = ({ pcrs }: AttestationDocument) => [0, 1, 2].every(index => isZero(pcrs.get(index)));

/** Judges an attestation document of a Nitro enclave. Never throws, whatever the bytes. */
export function verifyAttestation(bytes: Uint8Array, policy: AttestationPolicy = {}): AttestationVerdict {
  let document: AttestationDocument | undefined;
  let root: string | undefined;
  try {
    document = parseAttestation(bytes);
    root = verifyDocument(document, policy);
    return describeVerdict(true, 'The document is genuine and fulfils every condition.', document, policy, root);
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    return describeVerdict(false, error.message, document, policy, root);
  }
}

/** Returns the fingerprint of the root. */
function verifyDocument(document: AttestationDocument, policy: AttestationPolicy): string {
  const roots = (policy.roots ?? [NITRO_ROOT_PEM]).map(pem => new X509Certificate(pem));
  const time = policy.time ?? document.timestamp;
  const chain = parseChain(document.cabundle, document.certificate);
  // First, as it is the cheapest proof that any byte was changed. It says nothing about whose key this is.
  verifySignature(document, chain.leaf);
  const root = verifyChain(chain, roots, time);
  verifyTime(document, policy, time);
  verifyMeasurements(document, policy);
  if (policy.nonce && !isEqual(document.nonce, policy.nonce))
    throw new AttestationError('The nonce is not the expected one.');
  if (policy.userData && !isEqual(document.userData, policy.userData))
    throw new AttestationError('The user_data is not the expected one.');
  if (policy.needsRecipientKey && !isRecipientKey(document.publicKey))
    throw new AttestationError('The public_key is no RSA key of 2,048 bits.');
  return root;
}

function verifySignature({ protectedHeader, payload, signature }: AttestationDocument, leaf: X509Certificate): void {
  const structure = encodeSigStructure(protectedHeader, payload);
  if (!isP384(leaf.publicKey)) throw new AttestationError('The enclave certificate has no P-384 key.');
  if (!verify('sha384', structure, { key: leaf.publicKey, dsaEncoding: 'ieee-p1363' }, signature))
    throw new AttestationError('The signature does not match the document.');
}

function verifyTime({ timestamp }: AttestationDocument, { maxAgeMs }: AttestationPolicy, time: number): void {
  if (timestamp > time + SKEW_MS) throw new AttestationError('The document was made after the time to judge at.');
  if (maxAgeMs !== undefined && time - timestamp > maxAgeMs)
    throw new AttestationError(`The document is older than ${maxAgeMs / 1000} seconds.`);
}

function verifyMeasurements(document: AttestationDocument, { pcrs = new Map(), allowDebug }: AttestationPolicy): void {
  if (isDebug(document) && allowDebug !== true)
    throw new AttestationError('The enclave ran in debug mode: PCR0, PCR1 and PCR2 are all zero.');
  for (const [index, values] of pcrs) {
    const value = document.pcrs.get(index);
    // Every value is compared, so that the time tells nothing about which one matched.
    if (!values.map((expectation: Uint8Array) => isEqual(value, expectation)).includes(true))
      throw new AttestationError(
        value === undefined ? `The document has no PCR${index}.` : `PCR${index} does not have a permitted value.`,
      );
  }
}

function isRecipientKey(der: Uint8Array | undefined): boolean {
  if (der === undefined) return false;
  try {
    const key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'rsa' && key.asymmetricKeyDetails?.modulusLength === 2048;
  } catch {
    return false;
  }
}

function describeVerdict(
  ok: boolean,
  reason: string,
  document: AttestationDocument | undefined,
  { time: fixedTime }: AttestationPolicy,
  root: string | undefined,
): AttestationVerdict {
  const time = fixedTime ?? document?.timestamp;
  const hex = (bytes: Uint8Array | undefined) => (bytes === undefined ? null : toHex(bytes));
  const registers = [...(document?.pcrs ?? [])].filter(([index, value]) => index <= 2 || !isZero(value));
  return {
    ok,
    reason,
    pcrs: Object.fromEntries(registers.map(([index, value]) => [index, toHex(value)])),
    moduleId: document?.moduleId ?? null,
    at: time === undefined ? null : new Date(time).toISOString(),
    atOwnTime: fixedTime === undefined,
    timestamp: document ? new Date(document.timestamp).toISOString() : null,
    root: root ?? null,
    publicKey: hex(document?.publicKey),
    userData: hex(document?.userData),
    nonce: hex(document?.nonce),
  };
}
