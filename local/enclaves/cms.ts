import { constants, createCipheriv, createHash, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { derBytes, derElement, derIdentifier, derInteger, derSequence, derSet } from './der.ts';

const version2 = derInteger(Uint8Array.of(2));
const SHA256 = derSequence(derIdentifier('2.16.840.1.101.3.4.2.1'), derElement(0x05));
/** An element of indefinite length, as KMS writes the outer ones. */
const open = (tag: number, ...contents: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([Uint8Array.of(tag, 0x80), ...contents, Uint8Array.of(0, 0)]);

/**
 * Encrypts a key for an enclave as KMS does in CiphertextForRecipient: CMS EnvelopedData (RFC 5652) in BER, RSA-OAEP with
 * SHA-256 for the recipient, AES-256-CBC for the content.
 */
export function encryptForRecipient(plaintext: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  const [contentKey, iv] = [randomBytes(32), randomBytes(16)];
  const cipher = createCipheriv('aes-256-cbc', contentKey, iv);
  const content = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const wrapped = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, contentKey);
  const mask = derSequence(derIdentifier('1.2.840.113549.1.1.8'), SHA256);
  const oaep = derSequence(
    derIdentifier('1.2.840.113549.1.1.7'),
    derSequence(derElement(0xa0, SHA256), derElement(0xa1, mask)),
  );
  const recipient = derSequence(
    version2,
    derElement(0x80, createHash('sha1').update(publicKey).digest()),
    oaep,
    derBytes(wrapped),
  );
  const algorithm = derSequence(derIdentifier('2.16.840.1.101.3.4.1.42'), derBytes(iv));
  const half = Math.ceil(content.length / 2);
  const contentInfo = open(
    0x30,
    derIdentifier('1.2.840.113549.1.7.1'),
    algorithm,
    open(0xa0, derBytes(content.subarray(0, half)), derBytes(content.subarray(half))),
  );
  const envelope = open(0x30, version2, derSet(recipient), contentInfo);
  return open(0x30, derIdentifier('1.2.840.113549.1.7.3'), open(0xa0, envelope));
}
