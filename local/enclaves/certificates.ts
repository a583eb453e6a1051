import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import {
  derBits,
  derBytes,
  derContext,
  derElement,
  derIdentifier,
  derInteger,
  derSequence,
  derSet,
  derTime,
  derTrue,
  derUtf8,
} from './der.ts';

/** A certificate with its key. */
export interface Holder {
  readonly name: string;
  readonly certificate: Uint8Array;
  readonly privateKey: KeyObject;
}

export interface CertificateFields {
  readonly name: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isAuthority: boolean;
  readonly pathLength?: number;
  /** Bits of permitted uses; those of its kind unless given, and the extension is left out if undefined. */
  readonly keyUsage?: number | undefined;
  readonly curve?: 'P-384' | 'P-256' | 'brainpoolP384r1';
  readonly hash?: 'sha384' | 'sha256';
  /** The names of a server. */
  readonly dnsNames?: readonly string[];
  /** The identifier of a further critical extension. */
  readonly criticalExtension?: string;
  /** Bytes of an extension that nobody needs to understand, to make the certificate longer. */
  readonly padding?: number;
}

const hashIdentifiers = { sha384: '1.2.840.10045.4.3.3', sha256: '1.2.840.10045.4.3.2' };
const distinguishedName = (name: string) => derSequence(derSet(derSequence(derIdentifier('2.5.4.3'), derUtf8(name))));
const extension = (id: string, value: Uint8Array) => derSequence(derIdentifier(id), derTrue, derBytes(value));
/** The comment of old browsers, which is not critical. */
const comment = (length: number) =>
  derSequence(derIdentifier('2.16.840.1.113730.1.13'), derBytes(new Uint8Array(length)));
const DIGITAL_SIGNATURE = 0x80;
const CERT_SIGN = 0x86;

function extensionsOf(fields: CertificateFields): Uint8Array {
  const { isAuthority, pathLength, dnsNames, criticalExtension, padding } = fields;
  const usage = 'keyUsage' in fields ? fields.keyUsage : isAuthority ? CERT_SIGN : DIGITAL_SIGNATURE;
  const constraints = derSequence(
    ...(isAuthority ? [derTrue] : []),
    ...(pathLength === undefined ? [] : [derInteger(Uint8Array.of(pathLength))]),
  );
  return derContext(
    3,
    derSequence(
      extension('2.5.29.19', constraints),
      ...(usage === undefined ? [] : [extension('2.5.29.15', derBits(Uint8Array.of(usage)))]),
      ...(dnsNames === undefined
        ? []
        : [extension('2.5.29.17', derSequence(...dnsNames.map(host => derElement(0x82, Buffer.from(host)))))]),
      ...(criticalExtension === undefined ? [] : [extension(criticalExtension, derSequence())]),
      ...(padding === undefined ? [] : [comment(padding)]),
    ),
  );
}

/** Issues a certificate to a new key; without an issuer, a self-signed one. */
export function issueCertificate(fields: CertificateFields, issuer?: Holder): Holder {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: fields.curve ?? 'P-384' });
  const { hash = 'sha384', name, notBefore, notAfter } = fields;
  const algorithm = derSequence(derIdentifier(hashIdentifiers[hash]));
  const body = derSequence(
    derContext(0, derInteger(Uint8Array.of(2))),
    derInteger(Uint8Array.of(1, ...randomBytes(15))),
    algorithm,
    distinguishedName(issuer?.name ?? name),
    derSequence(derTime(notBefore), derTime(notAfter)),
    distinguishedName(name),
    publicKey.export({ format: 'der', type: 'spki' }),
    extensionsOf(fields),
  );
  const signature = sign(hash, body, issuer?.privateKey ?? privateKey);
  return { name, certificate: derSequence(body, algorithm, derBits(signature)), privateKey };
}

export const toPem = (certificate: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(certificate)
    .toString('base64')
    .replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`;
