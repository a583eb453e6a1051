import type { KeyObject } from 'node:crypto';
import { type AttestationPolicy, verifyAttestation } from '../../functions/enclaves/attestation.ts';
import { type CertificateFields, type Holder, issueCertificate, toPem } from './certificates.ts';
import {
  type CborInput,
  createAuthority,
  documentPayload,
  encodeCbor,
  issueLeaf,
  signDocument,
  type TestAuthority,
} from './hypervisor.ts';

export const documentTime = Date.parse('2026-11-28T12:00:00.000Z');
/** Its name is short, so that trials of every byte have fewer of them. */
export const authority = createAuthority(documentTime, 'r');
export const leaf = issueLeaf(authority, documentTime);
export const trust: AttestationPolicy = { roots: [toPem(authority.root.certificate)] };

export const fields = {
  moduleId: 'i-0123456789abcdef0-enc0123456789abcdef',
  timestamp: documentTime,
  pcrs: new Map(Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(48).fill(index < 5 ? index + 1 : 0)])),
  publicKey: new Uint8Array(294).fill(7),
  userData: new Uint8Array(48).fill(8),
  nonce: new Uint8Array(32).fill(9),
};

/** A valid payload, in which `changes` replace fields; those that are undefined are left out. */
export function payloadWith(
  changes: Readonly<Record<string, CborInput | undefined>> = {},
  chain: TestAuthority = authority,
  holder: Holder = leaf,
): Map<CborInput, CborInput> {
  const payload = documentPayload(fields, chain, holder);
  for (const [name, value] of Object.entries(changes))
    if (value === undefined) payload.delete(name);
    else payload.set(name, value);
  return payload;
}

export const documentOf = (payload: CborInput = payloadWith(), key: KeyObject = leaf.privateKey): Uint8Array =>
  signDocument(encodeCbor(payload), key);

/** A document with as much in it as the format allows: nine authorities, with certificates of 1,024 bytes as is the enclave's. */
export function largestDocument(): Uint8Array {
  const usual = { notBefore: documentTime - 60_000, notAfter: documentTime + 3600_000 };
  const intermediates: Holder[] = [];
  for (let level = 1; level < 9; level++)
    intermediates.push(
      issueLongCertificate(
        { ...usual, name: `level ${level}`, isAuthority: true },
        intermediates.at(-1) ?? authority.root,
      ),
    );
  const holder = issueLongCertificate(
    { ...usual, name: 'enclave', isAuthority: false },
    intermediates.at(-1) ?? authority.root,
  );
  const changes = {
    pcrs: new Map(Array.from({ length: 32 }, (_, index) => [index, new Uint8Array(64).fill(1)])),
    public_key: new Uint8Array(1024).fill(7),
    user_data: new Uint8Array(512).fill(8),
    nonce: new Uint8Array(512).fill(9),
  };
  return documentOf(payloadWith(changes, { root: authority.root, intermediates }, holder), holder.privateKey);
}

/** A certificate of exactly 1,024 bytes. The length of its signature varies, so some are issued until one has it. */
function issueLongCertificate(certificate: CertificateFields, issuer: Holder): Holder {
  for (let padding = 400; ; ) {
    const holder = issueCertificate({ ...certificate, padding }, issuer);
    const missing = 1024 - holder.certificate.length;
    if (missing === 0) return holder;
    padding += missing;
  }
}

/** A document whose certificates have other fields than usual: `part` of them changes the root, an authority or the leaf. */
export function documentWithCertificate(part: 'authority' | 'leaf', changes: Partial<CertificateFields>) {
  const usual = { notBefore: documentTime - 60_000, notAfter: documentTime + 3600_000 };
  const middle = issueCertificate(
    { ...usual, name: 'level 1', isAuthority: true, ...(part === 'authority' && changes) },
    authority.root,
  );
  const holder = issueCertificate(
    { ...usual, name: 'enclave', isAuthority: false, ...(part === 'leaf' && changes) },
    middle,
  );
  return documentOf(payloadWith({}, { root: authority.root, intermediates: [middle] }, holder), holder.privateKey);
}

/** A document with as few bytes as possible, for trials of every one of them. */
export function smallDocument(): Uint8Array {
  const holder = issueCertificate(
    { name: 'e', notBefore: documentTime - 1000, notAfter: documentTime + 1000, isAuthority: false },
    authority.root,
  );
  const payload = documentPayload(
    { moduleId: 'i', timestamp: documentTime, pcrs: new Map([[0, new Uint8Array(48).fill(1)]]) },
    { root: authority.root, intermediates: [] },
    holder,
  );
  return documentOf(payload, holder.privateKey);
}

export const judge = (document: Uint8Array, policy: AttestationPolicy = {}) =>
  verifyAttestation(document, { ...trust, ...policy });
