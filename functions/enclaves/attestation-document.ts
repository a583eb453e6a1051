import { CborError, type CborMap, type CborValue, decodeCbor } from './cbor.ts';

/** Why a document proves nothing. The verifier turns it into a verdict. */
export class AttestationError extends Error {}

/** A document as it was written, nothing of it verified. */
export interface AttestationDocument {
  readonly protectedHeader: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly moduleId: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  readonly certificate: Uint8Array;
  /** The root first, then the certificates between it and the enclave's own. */
  readonly cabundle: readonly Uint8Array[];
  readonly publicKey: Uint8Array | undefined;
  readonly userData: Uint8Array | undefined;
  readonly nonce: Uint8Array | undefined;
}

/** Genuine documents have 4 to 6 KB. The longest that the format allows with ten certificates is below this. */
const MAX_DOCUMENT_BYTES = 16 * 1024;
const MAX_CERTIFICATES = 10;
const COSE_SIGN1_TAG = 18;
const ES384 = -35;
const pcrLengths = new Set([32, 48, 64]);
const fieldNames = new Set([
  'module_id',
  'timestamp',
  'digest',
  'pcrs',
  'certificate',
  'cabundle',
  'public_key',
  'user_data',
  'nonce',
]);

function requireRule(holds: boolean, reason: string): asserts holds {
  if (!holds) throw new AttestationError(reason);
}

const isBytes = (value: CborValue | undefined): value is Uint8Array => value instanceof Uint8Array;
const isMap = (value: CborValue | undefined): value is CborMap => value instanceof Map;

function decode(bytes: Uint8Array, part: string): CborValue {
  try {
    return decodeCbor(bytes);
  } catch (error) {
    if (error instanceof CborError) throw new AttestationError(`The ${part} is not valid CBOR: ${error.message}.`);
    throw error;
  }
}

/** Reads a document and checks the form of everything in it, not yet who made it. */
export function parseAttestation(bytes: Uint8Array): AttestationDocument {
  requireRule(bytes.length > 0, 'The document is empty.');
  requireRule(bytes.length <= MAX_DOCUMENT_BYTES, `The document has more than ${MAX_DOCUMENT_BYTES} bytes.`);
  const outer = decode(bytes, 'document');
  const message =
    outer !== null && typeof outer === 'object' && 'tag' in outer && outer.tag === COSE_SIGN1_TAG ? outer.value : outer;
  requireRule(Array.isArray(message) && message.length === 4, 'The document is no COSE_Sign1 message of four parts.');
  const [protectedHeader, unprotectedHeader, payload, signature] = message as CborValue[];
  requireRule(
    isBytes(protectedHeader) && isBytes(payload) && isBytes(signature) && isMap(unprotectedHeader),
    'The parts of the COSE_Sign1 message are not of the right kinds.',
  );
  requireRule(unprotectedHeader.size === 0, 'The document has headers that its signature does not protect.');
  const header = decode(protectedHeader, 'protected header');
  requireRule(
    isMap(header) && header.size === 1 && header.get(1) === ES384,
    'The document does not name ES384 as its only protected header.',
  );
  requireRule(signature.length === 96, 'The signature does not have 96 bytes.');
  const fields = decode(payload, 'payload');
  requireRule(isMap(fields), 'The payload is no map.');
  return { protectedHeader, payload, signature, ...readFields(fields) };
}

function readFields(fields: CborMap) {
  for (const name of fields.keys())
    requireRule(typeof name === 'string' && fieldNames.has(name), `The payload has an unknown field ${name}.`);
  const [moduleId, timestamp, cabundle] = [fields.get('module_id'), fields.get('timestamp'), fields.get('cabundle')];
  requireRule(typeof moduleId === 'string' && moduleId.length > 0, 'The module_id is missing or empty.');
  requireRule(typeof timestamp === 'number' && timestamp > 0, 'The timestamp is missing or not above 0.');
  requireRule(timestamp < 253_402_300_800_000, 'The timestamp is after the year 9999.');
  requireRule(fields.get('digest') === 'SHA384', 'The digest is not SHA384.');
  const isList = Array.isArray(cabundle) && cabundle.length > 0;
  requireRule(isList && cabundle.length < MAX_CERTIFICATES, 'The cabundle has no certificates, or too many.');
  return {
    moduleId,
    timestamp,
    pcrs: readPcrs(fields.get('pcrs')),
    certificate: readCertificate(fields.get('certificate')),
    cabundle: cabundle.map(readCertificate),
    publicKey: readOptional(fields, 'public_key', 1, 1024),
    userData: readOptional(fields, 'user_data', 0, 512),
    nonce: readOptional(fields, 'nonce', 0, 512),
  };
}

function readPcrs(pcrs: CborValue | undefined): ReadonlyMap<number, Uint8Array> {
  requireRule(isMap(pcrs) && pcrs.size >= 1 && pcrs.size <= 32, 'The pcrs are missing, or not 1 to 32.');
  const registers = new Map<number, Uint8Array>();
  for (const [index, value] of pcrs) {
    requireRule(typeof index === 'number' && index >= 0 && index < 32, `There is no PCR ${index}.`);
    requireRule(isBytes(value) && pcrLengths.has(value.length), `PCR${index} does not have 32, 48 or 64 bytes.`);
    registers.set(index, value);
  }
  return registers;
}

function readCertificate(value: CborValue | undefined): Uint8Array {
  requireRule(isBytes(value) && value.length >= 1 && value.length <= 1024, 'A certificate is missing or too long.');
  return value;
}

/** An optional field. Documents leave it out, or have null in its place. */
function readOptional(fields: CborMap, name: string, min: number, max: number): Uint8Array | undefined {
  const value = fields.get(name);
  if (value === undefined || value === null) return undefined;
  requireRule(isBytes(value), `The ${name} is neither bytes nor null.`);
  requireRule(value.length >= min && value.length <= max, `The ${name} does not have ${min} to ${max} bytes.`);
  return value;
}
