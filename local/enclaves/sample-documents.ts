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
export const authority = createAuthority(documentTime);
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
