import { KMSClient } from '@aws-sdk/client-kms';
import { packedObjects, partyOf } from '../../functions/enclaves/enclaves.ts';
import { manifestDigest } from '../../functions/enclaves/manifest.ts';
import { type PackedEntry, readPackedFile } from '../../functions/enclaves/pack/packed-file.ts';
import { StreamError } from '../../functions/enclaves/pack/stream-cipher.ts';
import type { ApiClient } from './call.ts';
import { describeCause } from './error-text.ts';
import { ExitError } from './exit.ts';

/** KMS in the region of a key, with the caller's own AWS credentials. */
export const openPartyKms = (kmsKey: string) => new KMSClient({ region: kmsKey.split(':')[3] ?? '' });

/** Calls KMS as the party. */
export async function askPartyKms<T>(attempt: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new ExitError(
      'fault',
      `${attempt} failed: ${describeCause(error)}. Use the credentials of the role that packs and approves (AWS_PROFILE).`,
    );
  }
}

/** A run that the caller decides about, with the packed files that are the caller's. The digest is computed here again. */
export async function readPartyRun(api: ApiClient, params: { project: string; run: string }) {
  const [run, { id, name }] = await Promise.all([api.ask('showEnclaveRun', { params }), api.ask('showMe', {})]);
  const party = partyOf(run, { id, name });
  if (!party)
    throw new ExitError(
      'refused',
      `${run.parties.data.name} decides for the data of ${run.id}, and ${run.parties.code.name} for the code.`,
    );
  if (manifestDigest(run.manifest) !== run.digest)
    throw new ExitError(
      'refused',
      `The SHA-384 of ${run.id} is not that of its manifest. Approve nothing, and ask your operator why.`,
    );
  return { run, objects: packedObjects(run, party) };
}

export type PartyObject = ReturnType<typeof packedObjects>[number];

/** A packed file on this machine and its place in the manifest. */
export async function matchPackedFile(
  file: string,
  objects: readonly PartyObject[],
): Promise<{ object: PartyObject; entry: PackedEntry }> {
  const entry = await readPackedFile(file).catch(error => {
    if (error instanceof StreamError) throw new ExitError('refused', `${file}: ${error.message}`);
    throw new ExitError('usage', `${file} cannot be read: ${describeCause(error)}.`);
  });
  const object = objects.find(({ sha256 }) => sha256 === entry.sha256);
  if (!object)
    throw new ExitError(
      'refused',
      `${file} has the SHA-256 ${entry.sha256}, which is none of your packed files in the manifest: ${objects.map(({ sha256 }) => sha256).join(', ')}.`,
    );
  if (object.kmsKey !== entry.header.kmsKey)
    throw new ExitError(
      'refused',
      `${file} is packed with ${entry.header.kmsKey}; the manifest says ${object.kmsKey}.`,
    );
  return { object, entry };
}
