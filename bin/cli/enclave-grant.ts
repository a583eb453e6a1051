import * as z from 'zod';
import type { PackedEntry } from '../../functions/enclaves/pack/packed-file.ts';
import { bindKeys, findGrantee, grantRun } from '../../functions/enclaves/party-approval.ts';
import { enclavesRoutes } from '../../functions/enclaves/routes.ts';
import { Sha384 } from '../../functions/enclaves/schemas.ts';
import { defineCommand } from './commands.ts';
import { askPartyKms, matchPackedFile, openPartyKms, readPartyRun } from './enclave-party.ts';
import { formatEnclaveRun } from './enclave-text.ts';
import { ExitError } from './exit.ts';

/** The grant of a party's key for a run. Each key of the packed files gets one; the approval names the last. */
async function grantKeys(keys: readonly string[], run: { id: string; digest: string }): Promise<string> {
  let grant = '';
  for (const key of keys) {
    const kms = openPartyKms(key);
    const grantee = await askPartyKms('kms:GetKeyPolicy', () => findGrantee(kms, key));
    if (!grantee)
      throw new ExitError(
        'refused',
        `The policy of ${key} does not name the one role that may get grants. Write another: broch enclave keys.`,
      );
    grant = await askPartyKms('kms:CreateGrant', () => grantRun(kms, key, run, grantee));
  }
  return grant;
}

export const enclaveGrantCommand = defineCommand({
  words: ['enclave', 'grant'],
  summary: 'Approve an enclave run with your key: bind your packed files to it, grant the key, tell Broch',
  notes: [
    'Uses your own AWS credentials (AWS_PROFILE, or what the AWS CLI uses) for kms:ReEncrypt and kms:CreateGrant, and your',
    'sign-in for the approval. --manifest is the SHA-384 that broch enclave show printed when you read the manifest: another',
    'manifest is refused. Take the approval back with broch enclave revoke.',
  ],
  examples: ['enclave grant asthma er-0011223344556677 --manifest 3b4a… --packed classifier.pack'],
  params: enclavesRoutes.approveEnclaveRun.params,
  flags: z.object({
    manifest: Sha384.describe('the SHA-384 of the manifest that you read'),
    packed: z.array(z.string().min(1)).min(1).describe('each of your packed files in the manifest'),
  }),
  async run({ params, flags: { manifest, packed } }, context) {
    const api = context.api();
    const { run, objects } = await readPartyRun(api, params);
    if (manifest !== run.digest)
      throw new ExitError(
        'refused',
        `The manifest of ${run.id} has the SHA-384 ${run.digest}. Read it: broch enclave show.`,
      );
    const files: PackedEntry[] = [];
    for (const file of packed) files.push((await matchPackedFile(file, objects)).entry);
    const missing = objects.filter(({ sha256 }) => files.every(file => file.sha256 !== sha256));
    if (missing.length > 0)
      throw new ExitError(
        'usage',
        `Give --packed for ${missing.map(({ key, sha256 }) => `${key} (${sha256})`).join(', ')} too.`,
      );
    const kmsKeys = [...new Set(objects.map(({ kmsKey }) => kmsKey))];
    const keys: Record<string, string> = {};
    for (const key of kmsKeys) {
      const keyFiles = files.filter(({ header }) => header.kmsKey === key);
      Object.assign(keys, await askPartyKms('kms:ReEncrypt', () => bindKeys(openPartyKms(key), run, keyFiles)));
    }
    const grant = await grantKeys(kmsKeys, run);
    const answer = await api.ask('approveEnclaveRun', { params, body: { manifest, grant, keys } });
    context.result(answer, formatEnclaveRun(answer, context));
    return 'ok';
  },
});
