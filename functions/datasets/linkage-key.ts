import { DecryptCommand, GenerateDataKeyWithoutPlaintextCommand, KMSClient } from '@aws-sdk/client-kms';
import * as z from 'zod';
import { rowKey } from '../keys.ts';
import { createRow, readRow } from '../table.ts';

const client = new KMSClient({});

/** The encrypted key of a project. Its partition is of no other rows, so roles that read uses cannot read it. */
const LinkageKey = z.object({ project: z.string(), encryptedKey: z.string() });

/** The key is bound to the project: for another one KMS does not decrypt it. */
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
  // Another run may have been faster: every run uses the key that was stored.
  const storedRow = await readRow(table, LinkageKey, place);
  if (!storedRow) throw new Error(`the linkage key of ${project} is missing`);
  return storedRow.encryptedKey;
}

/** The key with which a project's pseudonyms are made, made at its first use. It stays in memory and is never logged. */
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
