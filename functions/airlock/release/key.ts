import { createPublicKey } from 'node:crypto';
import { GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import type * as z from 'zod';
import type { ApiCall } from '../../http/http.ts';
import { rowKey } from '../../keys.ts';
import { Refused } from '../../refused.ts';
import { createRow, readRow } from '../../table.ts';
import { SIGNING_ALGORITHM } from './record.ts';
import type { keyRoutes } from './routes.ts';
import { SigningKey } from './schemas.ts';
import { fingerprintOf } from './verify.ts';

const client = new KMSClient({});

/** The public half of a signing key as PEM (SubjectPublicKeyInfo). Needs `kms:GetPublicKey` on the key. */
export async function publicKeyOf(keyArn: string): Promise<string> {
  const { PublicKey = new Uint8Array() } = await client.send(new GetPublicKeyCommand({ KeyId: keyArn }));
  const publicKey = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
  return publicKey.export({ format: 'pem', type: 'spki' }) as string;
}

const idOf = (keyArn: string) => keyArn.slice(keyArn.lastIndexOf('/') + 1);
/** A partition that no project can have, because `#` is not allowed in ids. */
const keyKey = (keyArn: string) => rowKey('download', `signing#${idOf(keyArn)}`);
const StoredKey = SigningKey.omit({ current: true });

function described(keyId: string, publicKey: string): z.infer<typeof StoredKey> {
  return { keyId, algorithm: SIGNING_ALGORITHM, publicKey, fingerprint: fingerprintOf(createPublicKey(publicKey)) };
}

/** Stores a signing key, so that its records can be verified after another key has replaced it. */
export async function rememberKey(table: string, keyId: string, publicKey: string): Promise<void> {
  await createRow(table, keyKey(keyId), described(keyId, publicKey));
}

/** The operation behind keyRoutes, for the airlock's API function. Needs GetItem on `download`, and the key named. */
export function signingKeys(wiring: { readonly table: string; readonly key: string }) {
  return {
    async showSigningKey({ query: { id } }: ApiCall<typeof keyRoutes.showSigningKey>): Promise<SigningKey> {
      if (id === undefined || idOf(id) === idOf(wiring.key))
        return { ...described(wiring.key, await publicKeyOf(wiring.key)), current: true };
      const row = await readRow(wiring.table, StoredKey, keyKey(id));
      if (!row) throw new Refused('missing', `No release was signed here with the key ${idOf(id)}.`);
      const { revision: _, ...key } = row;
      return { ...key, current: false };
    },
  };
}
