import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';

const client = new KMSClient({});

// The context binds a ciphertext to its workspace: moved to another row, it opens nothing.
const context = (workspace: string) => ({ workspace });

export async function encryptPassword(key: string, password: string, workspace: string): Promise<string> {
  const { CiphertextBlob } = await client.send(
    new EncryptCommand({ KeyId: key, Plaintext: Buffer.from(password), EncryptionContext: context(workspace) }),
  );
  if (!CiphertextBlob) throw new Error('KMS answered without a ciphertext');
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
  if (!Plaintext) throw new Error('KMS answered without a plaintext');
  return Buffer.from(Plaintext).toString('utf8');
}
