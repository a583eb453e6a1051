import {
  CreateGrantCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListGrantsCommand,
  type ListGrantsCommandOutput,
  ReEncryptCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import { type KeyPolicy, listOf, runContext } from './key-policy.ts';
import type { PackedEntry } from './pack/packed-file.ts';

/** The run that a party decides about, and the manifest that it read. */
interface ApprovedRun {
  readonly id: string;
  readonly digest: string;
}

/**
 * Binds the keys of packed files to a run: KMS encrypts each data key again, under the same key and for this run and its
 * manifest. The keys never leave KMS.
 */
export async function bindKeys(
  kms: KMSClient,
  { id, digest }: ApprovedRun,
  files: readonly PackedEntry[],
): Promise<Record<string, string>> {
  const keys = await Promise.all(
    files.map(async ({ sha256, header }) => {
      const { CiphertextBlob } = await kms.send(
        new ReEncryptCommand({
          CiphertextBlob: Buffer.from(header.wrappedKey, 'base64'),
          SourceKeyId: header.kmsKey,
          DestinationKeyId: header.kmsKey,
          SourceEncryptionContext: header.context,
          DestinationEncryptionContext: runContext(id, digest),
        }),
      );
      return [sha256, Buffer.from(CiphertextBlob ?? []).toString('base64')] as const;
    }),
  );
  return Object.fromEntries(keys);
}

/** The role of the instances that a key's policy permits grants for. */
export async function findGrantee(kms: KMSClient, key: string): Promise<string | undefined> {
  const { Policy = '{}' } = await kms.send(new GetKeyPolicyCommand({ KeyId: key, PolicyName: 'default' }));
  const { Statement = [] } = JSON.parse(Policy) as Partial<KeyPolicy>;
  const grantees = Statement.flatMap(({ Condition }) => listOf(Condition?.StringEquals?.['kms:GranteePrincipal']));
  return grantees.length === 1 ? grantees[0] : undefined;
}

/** Permits the instances to use a key in one run with its manifest: the approval. A repeated call gives the same grant. */
export async function grantRun(
  kms: KMSClient,
  key: string,
  { id, digest }: ApprovedRun,
  grantee: string,
): Promise<string> {
  const { GrantId } = await kms.send(
    new CreateGrantCommand({
      KeyId: key,
      GranteePrincipal: grantee,
      Operations: ['Decrypt', 'GenerateDataKey'],
      Constraints: { EncryptionContextEquals: runContext(id, digest) },
      Name: id,
    }),
  );
  if (!GrantId) throw new Error('KMS gave no grant');
  return GrantId;
}

/** Takes every approval of a run back, whatever its manifest. Tells how many there were. */
export async function revokeRun(kms: KMSClient, key: string, id: string): Promise<number> {
  let [count, marker]: [number, string | undefined] = [0, undefined];
  do {
    const page: ListGrantsCommandOutput = await kms.send(
      new ListGrantsCommand({ KeyId: key, ...(marker && { Marker: marker }) }),
    );
    for (const { GrantId, Constraints } of page.Grants ?? []) {
      if (Constraints?.EncryptionContextEquals?.['broch:run'] !== id) continue;
      await kms.send(new RevokeGrantCommand({ KeyId: key, GrantId }));
      count++;
    }
    marker = page.NextMarker;
  } while (marker);
  return count;
}
