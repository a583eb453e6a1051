import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';

const client = new KMSClient({});

// The encryption context binds a ciphertext to its workspace: it cannot be decrypted for another row.
const context = (workspace: string) => ({ workspace });

export async function encryptPassword(key: string, password: string, workspace: string): Promise<string> {
  const { CiphertextBlob } = await client.send(
    new EncryptCommand({ KeyId: key, Plaintext: Buffer.from(password), EncryptionContext: context(workspace) }),
  );
  if (!CiphertextBlob) throw new Error('KMS returned no ciphertext');
  return Buffer.from(CiphertextBlob).toString('base64');
}

export async function decryptPassword(key: string, ciphertext: string, workspace: string): Promise<string> {
  const { Plaintext } = await client.send(
    new DecryptCommand({
      KeyId: key,
      CiphertextBlob: Buffer.from(ciphertext, 'base64'),
      EncryptionContext: context(workspace),
    }),
  );
  if (!Plaintext) throw new Error('KMS returned no plaintext');
  return Buffer.from(Plaintext).toString('utf8');
}
