import { type KeyObject, sign } from 'node:crypto';
import { encodeSigStructure } from '../../functions/enclaves/cbor.ts';
import { type Holder, issueCertificate } from './certificates.ts';

const HOUR = 3600_000;
const DAY = 24 * HOUR;

/** A private root of trust in place of AWS's, and the authorities that AWS has between its root and an enclave. */
export interface TestAuthority {
  readonly root: Holder;
  readonly intermediates: readonly Holder[];
}

/** The chain of lifetimes that AWS uses: 30 years, 20 days, 6 days, 1 day; an enclave's own certificate lives 3 hours. */
export function createAuthority(now: number, name = 'broch-embedded.nitro-enclaves'): TestAuthority {
  const root = issueCertificate({
    name,
    notBefore: now - DAY,
    notAfter: now + 10_000 * DAY,
    isAuthority: true,
  });
  let issuer = root;
  const intermediates = [20, 6, 1].map((days, index) => {
    issuer = issueCertificate(
      {
        name: `level ${index + 1}`,
        notBefore: now - HOUR,
        notAfter: now + days * DAY,
        isAuthority: true,
        pathLength: 2 - index,
      },
      issuer,
    );
    return issuer;
  });
  return { root, intermediates };
}

/** The certificate that the hypervisor gives one enclave. */
export const issueLeaf = ({ root, intermediates }: TestAuthority, now: number, name = 'enclave'): Holder =>
  issueCertificate(
    { name, notBefore: now - 60_000, notAfter: now + 3 * HOUR, isAuthority: false },
    intermediates.at(-1) ?? root,
  );

/** What CBOR can be made of here. */
export type CborInput = number | null | string | Uint8Array | readonly CborInput[] | ReadonlyMap<CborInput, CborInput>;

const head = (major: number, value: number): Uint8Array => {
  const initial = major << 5;
  if (value < 24) return Uint8Array.of(initial | value);
  if (value < 256) return Uint8Array.of(initial | 24, value);
  if (value < 65536) return Uint8Array.of(initial | 25, value >> 8, value & 255);
  const bytes = Buffer.alloc(9);
  bytes[0] = initial | 27;
  bytes.writeBigUInt64BE(BigInt(value), 1);
  return bytes;
};

/** Encodes CBOR in its shortest form; with `indefinite`, maps as the hypervisor has written them since 2025. */
export function encodeCbor(value: CborInput, indefinite = false): Uint8Array {
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (value instanceof Map) {
    const items = [...value].flatMap(([key, item]) => [encodeCbor(key, indefinite), encodeCbor(item, indefinite)]);
    return indefinite
      ? Buffer.concat([Uint8Array.of(0xbf), ...items, Uint8Array.of(0xff)])
      : Buffer.concat([head(5, value.size), ...items]);
  }
  const items = value as readonly CborInput[];
  return Buffer.concat([head(4, items.length), ...items.map(item => encodeCbor(item, indefinite))]);
}

export interface DocumentFields {
  readonly moduleId: string;
  readonly timestamp: number;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  readonly publicKey?: Uint8Array | null;
  readonly userData?: Uint8Array | null;
  readonly nonce?: Uint8Array | null;
}

/** The payload of an attestation document in the order that the hypervisor writes it. */
export const documentPayload = (
  fields: DocumentFields,
  { root, intermediates }: TestAuthority,
  leaf: Holder,
): Map<CborInput, CborInput> =>
  new Map<CborInput, CborInput>([
    ['module_id', fields.moduleId],
    ['digest', 'SHA384'],
    ['timestamp', fields.timestamp],
    ['pcrs', fields.pcrs as ReadonlyMap<CborInput, CborInput>],
    ['certificate', leaf.certificate],
    ['cabundle', [root, ...intermediates].map(({ certificate }) => certificate)],
    ['public_key', fields.publicKey ?? null],
    ['user_data', fields.userData ?? null],
    ['nonce', fields.nonce ?? null],
  ]);

/** Signs a payload as COSE_Sign1 with ES384. */
export function signDocument(payload: Uint8Array, key: KeyObject): Uint8Array {
  const protectedHeader = encodeCbor(new Map([[1, -35]]));
  const signature = sign('sha384', encodeSigStructure(protectedHeader, payload), { key, dsaEncoding: 'ieee-p1363' });
  return encodeCbor([protectedHeader, new Map(), payload, signature]);
}
