import { createPublicKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import * as z from 'zod';
import type { SigningKey } from '../../functions/airlock/release/schemas.ts';
import { fingerprintOf } from '../../functions/airlock/release/verify.ts';
import type { ApiClient } from './call.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { escapeForTerminal, formatColumns } from './output.ts';

/** Fetches a signing key and computes its fingerprint again. */
export async function fetchSigningKey(api: Pick<ApiClient, 'ask'>, id: string | undefined): Promise<SigningKey> {
  const signingKey = await api.ask('showSigningKey', { query: id === undefined ? {} : { id } });
  const fingerprint = fingerprintOf(createPublicKey(signingKey.publicKey));
  if (fingerprint !== signingKey.fingerprint)
    throw new ExitError(
      'fault',
      'The service returned a key that does not match its fingerprint. Ask the operator of the environment.',
    );
  return signingKey;
}

export const airlockKeyCommand = defineCommand({
  words: ['airlock', 'key'],
  summary: 'Save the public key that verifies signed releases',
  notes: [
    'Save it once from the service you sign in to, and pass it as --key from then on. It detects a release that somebody',
    "else signed, also years later and without the service. Compare its fingerprint with a colleague's copy, or with the",
    'one that your environment publishes. A record names its key; --id fetches an earlier key.',
  ],
  examples: ['airlock key release-key.pem'],
  params: z.object({ file: z.string().min(1).describe('a new file for the key (PEM)') }),
  flags: z.object({ id: z.string().min(1).optional().describe('an earlier key, as a release record names it') }),
  async run({ params: { file }, flags: { id } }, context) {
    const { keyId, publicKey, fingerprint, current } = await fetchSigningKey(context.api(), id);
    await writeFile(file, publicKey, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      throw new ExitError('refused', `${file} already exists. Name a new file; existing files are never overwritten.`);
    });
    context.result(
      { ok: true, file, keyId, fingerprint, current },
      formatColumns([
        ['saved as', escapeForTerminal(file)],
        ['key', `${escapeForTerminal(keyId)}${current ? '' : ' (an earlier one)'}`],
        ['fingerprint', `SHA256:${fingerprint}`],
      ]),
    );
    return 'ok';
  },
});
