import { DecryptCommand, GenerateDataKeyWithoutPlaintextCommand, KMSClient } from '@aws-sdk/client-kms';
import * as z from 'zod';
import { rowKey } from '../keys.ts';
import { createRow, readRow } from '../table.ts';

const client = new KMSClient({});

/** The encrypted linkage key of a project. Its partition holds no other rows, so roles that read uses cannot read it. */
const LinkageKey = z.object({ project: z.string(), encryptedKey: z.string() });

/** The encryption context. It binds the key to the project: KMS decrypts it for no other project. */
const contextOf = (project: string) => ({ linkage: project });

async function readEncryptedKey(table: string, key: string, project: string): Promise<string> {
  const place = rowKey('linkage', project);
  const row = await readRow(table, LinkageKey, place);
  if (row) return row.encryptedKey;
  const { CiphertextBlob } = await client.send(
    new GenerateDataKeyWithoutPlaintextCommand({
      KeyId: key,
      KeySpec: 'AES_256',
      EncryptionContext: contextOf(project),
    }),
  );
  if (!CiphertextBlob) throw new Error('KMS returned no key');
  await createRow(table, place, { project, encryptedKey: Buffer.from(CiphertextBlob).toString('base64') });
  // Another run may have stored its key first. Every run uses the stored key.
  const storedRow = await readRow(table, LinkageKey, place);
  if (!storedRow) throw new Error(`the linkage key of ${project} is missing`);
  return storedRow.encryptedKey;
}

/** Decrypts the linkage key of a project, or makes it at its first use. The key stays in memory and is never logged. */
export async function openLinkageKey(table: string, key: string, project: string): Promise<Uint8Array> {
  const encryptedKey = await readEncryptedKey(table, key, project);
  const { Plaintext } = await client.send(
    new DecryptCommand({
      KeyId: key,
      CiphertextBlob: Buffer.from(encryptedKey, 'base64'),
      EncryptionContext: contextOf(project),
    }),
  );
  if (Plaintext?.length !== 32) throw new Error('KMS returned no key of 256 bits');
  return Plaintext;
}
