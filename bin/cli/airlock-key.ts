import { createPublicKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import * as z from 'zod';
import type { SigningKey } from '../../functions/airlock/release/schemas.ts';
import { fingerprintOf } from '../../functions/airlock/release/verify.ts';
import type { ApiClient } from './call.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { escapeForTerminal, formatColumns } from './output.ts';

/** A signing key as the service says it is, in PEM that we have read ourselves. */
export async function fetchSigningKey(api: Pick<ApiClient, 'ask'>, id: string | undefined): Promise<SigningKey> {
  const told = await api.ask('showSigningKey', { query: id === undefined ? {} : { id } });
  const fingerprint = fingerprintOf(createPublicKey(told.publicKey));
  if (fingerprint !== told.fingerprint)
    throw new ExitError('fault', 'The service gave a key with the fingerprint of another.');
  return told;
}

export const airlockKeyCommand = defineCommand({
  words: ['airlock', 'key'],
  summary: 'Keep the public key that releases are signed with, to verify them by',
  about: [
    'Keep it once, from the service you sign in to, and give it as --key from then on: a release that somebody else signed',
    'is then found out, also years later and without any service. Compare its fingerprint with somebody who has it already,',
    'or with what the people who run the environment publish. A record names its key: --id gives an earlier one.',
  ],
  examples: ['airlock key release-key.pem'],
  params: z.object({ file: z.string().min(1).describe('a new file for the key (PEM)') }),
  flags: z.object({ id: z.string().min(1).optional().describe('an earlier key, as a release record names it') }),
  async run({ params: { file }, flags: { id } }, context) {
    const { keyId, publicKey, fingerprint, current } = await fetchSigningKey(context.api(), id);
    await writeFile(file, publicKey, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      throw new ExitError('refused', `${file} is there already. Nothing is written over.`);
    });
    context.result(
      { ok: true, file, keyId, fingerprint, current },
      formatColumns([
        ['kept as', escapeForTerminal(file)],
        ['key', `${escapeForTerminal(keyId)}${current ? '' : ' (an earlier one)'}`],
        ['fingerprint', `SHA256:${fingerprint}`],
      ]),
    );
    return 'ok';
  },
});
