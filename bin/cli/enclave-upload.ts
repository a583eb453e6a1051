import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import * as z from 'zod';
import { enclavesRoutes } from '../../functions/enclaves/routes.ts';
import { defineCommand } from './commands.ts';
import { matchPackedFile, readPartyRun } from './enclave-party.ts';
import { describeCause } from './error-text.ts';
import { ExitError } from './exit.ts';
import { escapeForTerminal, formatBytes } from './output.ts';
import { ProgressLine } from './progress.ts';
import { openUploadLanding, sendFile } from './upload.ts';

export const enclaveUploadCommand = defineCommand({
  words: ['enclave', 'upload'],
  summary: 'Upload a packed file of yours to where the manifest of an enclave run names it',
  notes: [
    'Needs no membership of the project: each party of a run uploads its own packed files, before or after it approves. The',
    'file must have the SHA-256 of the manifest. It is ciphertext, and the credentials can only write this one object.',
  ],
  examples: ['enclave upload asthma er-0011223344556677 classifier.pack'],
  params: z.object({
    ...enclavesRoutes.openEnclaveUpload.params.shape,
    file: z.string().min(1).describe('the packed file'),
  }),
  flags: z.object({}),
  async run({ params: { file, ...params } }, context) {
    const api = context.api();
    const { objects } = await readPartyRun(api, params);
    const { object } = await matchPackedFile(file, objects);
    const { key, sha256, bytes } = object;
    const landing = await openUploadLanding(api, () => api.ask('openEnclaveUpload', { params, body: { sha256 } }));
    const { mtimeMs: mtime } = await stat(file);
    using live = new ProgressLine(context);
    let sentBytes = 0;
    try {
      const target = { ...landing, prefix: `${dirname(key)}/` };
      const source = { path: basename(key), real: resolve(file), size: bytes, mtime };
      const outcome = await sendFile(target, source, sha256, count => {
        sentBytes += count;
        live.figures(`${formatBytes(sentBytes)} of ${formatBytes(bytes)}`);
      });
      if ('differs' in outcome) throw new ExitError('fault', `${file} changed while it was read. Upload it again.`);
    } catch (error) {
      if (error instanceof ExitError) throw error;
      throw new ExitError('fault', `The upload stopped: ${describeCause(error)}. Run this again.`);
    } finally {
      landing.s3.destroy();
    }
    live.end();
    context.result(
      { ok: true, key, sha256, bytes },
      `Uploaded: ${escapeForTerminal(file)}, ${formatBytes(bytes)}, as ${key}`,
    );
    return 'ok';
  },
});
