import { KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { publicKeyOf } from './key.ts';
import { digestOf, type ReleaseRecord, SIGNING_ALGORITHM, type SignedRelease } from './record.ts';

const client = new KMSClient({});

/**
 * Signs a record with an asymmetric KMS key (ECC_NIST_P256, SIGN_VERIFY). KMS gets the digest, because it signs no
 * message above 4 KiB. Signing again gives another valid signature.
 *
 * Needs `kms:Sign` and `kms:GetPublicKey` on the key, best under the conditions `kms:SigningAlgorithm` = ECDSA_SHA_256
 * and `kms:MessageType` = DIGEST (on Sign).
 */
export async function sign(record: ReleaseRecord): Promise<SignedRelease> {
  const { Signature = new Uint8Array() } = await client.send(
    new SignCommand({
      KeyId: record.keyId,
      Message: digestOf(record),
      MessageType: 'DIGEST',
      SigningAlgorithm: SIGNING_ALGORITHM,
    }),
  );
  return {
    record,
    signature: { algorithm: SIGNING_ALGORITHM, keyId: record.keyId, value: Buffer.from(Signature).toString('base64') },
    publicKey: await publicKeyOf(record.keyId),
  };
}
