import { type KeyObject, X509Certificate } from 'node:crypto';
import { AttestationError } from './attestation-document.ts';
import { BASIC_CONSTRAINTS, type CertificateExtensions, KEY_USAGE, readExtensions } from './certificate-extensions.ts';

const ECDSA_WITH_SHA384 = '1.2.840.10045.4.3.3';
const DIGITAL_SIGNATURE = 0x80;
const KEY_CERT_SIGN = 0x04;

interface Link {
  readonly name: string;
  readonly certificate: X509Certificate;
  readonly extensions: CertificateExtensions;
}

function parseLink(der: Uint8Array, name: string): Link {
  try {
    const certificate = new X509Certificate(der);
    // OpenSSL reads past the end of a certificate. Here it would hide bytes.
    if (!certificate.raw.equals(der)) throw new RangeError('bytes follow it');
    // Reading the key here keeps a key that OpenSSL refuses among the certificates that cannot be read.
    if (certificate.publicKey.type !== 'public') throw new RangeError('it has no public key');
    return { name, certificate, extensions: readExtensions(der) };
  } catch {
    throw new AttestationError(`The ${name} certificate cannot be read.`);
  }
}

export const isP384 = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean =>
  asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'secp384r1';

/** The SHA-256 fingerprint of a certificate, in lower-case hexadecimal. */
const fingerprintOf = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(':', '').toLowerCase();

/** The certificates of a document, the root first and the enclave's own last, none of them verified. */
export interface CertificateChain {
  readonly links: readonly Link[];
  readonly leaf: X509Certificate;
}

export function parseChain(cabundle: readonly Uint8Array[], certificate: Uint8Array): CertificateChain {
  const leaf = parseLink(certificate, 'enclave');
  const authorities = cabundle.map((der, index) => parseLink(der, index === 0 ? 'root' : `${index}. intermediate`));
  return { links: [...authorities, leaf], leaf: leaf.certificate };
}

/**
 * Verifies the certificates from a pinned root down to the enclave's own, for one point in time. The root in the
 * document counts only if it equals a pinned one, so its own signature proves nothing more. Returns its fingerprint.
 */
export function verifyChain({ links }: CertificateChain, roots: readonly X509Certificate[], time: number): string {
  const [root] = links;
  if (!root || !roots.some(({ raw }) => raw.equals(root.certificate.raw)))
    throw new AttestationError('The root certificate is not one that is trusted.');
  for (const [index, link] of links.entries()) verifyForm(link, links.length - 1 - index, time);
  for (const [index, { name, certificate }] of links.entries()) {
    const issuer = links[index - 1]?.certificate;
    if (issuer && !(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)))
      throw new AttestationError(`The ${name} certificate is not issued by the one before it.`);
  }
  return fingerprintOf(root.certificate);
}

/** Checks one certificate alone. `belowCount` counts the certificates below it. */
function verifyForm({ name, certificate, extensions }: Link, belowCount: number, time: number): void {
  const refuse = (reason: string): never => {
    throw new AttestationError(`The ${name} certificate ${reason}.`);
  };
  const { publicKey, validFromDate, validToDate, signatureAlgorithmOid } = certificate;
  if (!isP384(publicKey)) refuse('has no P-384 key');
  if (signatureAlgorithmOid !== ECDSA_WITH_SHA384) refuse('is not signed with ECDSA and SHA-384');
  const unknown = extensions.critical.find(id => id !== BASIC_CONSTRAINTS && id !== KEY_USAGE);
  if (unknown !== undefined) refuse('has a critical extension that is not known');
  if (time < validFromDate.getTime()) refuse(`is not valid before ${validFromDate.toISOString()}`);
  if (time > validToDate.getTime()) refuse(`is not valid after ${validToDate.toISOString()}`);
  const { isAuthority, pathLength, keyUsage } = extensions;
  if (belowCount === 0) {
    if (isAuthority || certificate.ca) refuse('belongs to an authority, not to an enclave');
    if (keyUsage !== undefined && !(keyUsage & DIGITAL_SIGNATURE)) refuse('must not sign documents');
    return;
  }
  if (!isAuthority) refuse('belongs to no authority');
  if (keyUsage === undefined || !(keyUsage & KEY_CERT_SIGN) || !certificate.ca) refuse('must not sign certificates');
  // A path length counts authorities only, so not the enclave's own certificate.
  if (pathLength !== undefined && pathLength < belowCount - 1) refuse('has more authorities below it than it permits');
}
