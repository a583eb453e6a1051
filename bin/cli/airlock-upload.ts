import * as z from 'zod';
import { routes } from '../../functions/api/routes.ts';
import { clashes, finding, wrongPath } from '../../functions/storage/paths.ts';
import { command } from './commands.ts';
import { Exit } from './exit.ts';
import { folderAt, refuse, walk } from './folder.ts';
import { Ledger } from './ledger.ts';
import { bytes, grouped } from './output.ts';
import { Live } from './progress.ts';
import { landingOf, sendAll } from './upload.ts';

/** What its own folder takes of a key's 1,024 bytes, with room to spare: `requests/<id>/<round>/files/`. */
const room = 960;

export const upload = command({
  words: ['airlock', 'upload'],
  summary: 'Upload a folder to an import, to be submitted then',
  about: [
    'Files go to a place that only this import has, and are looked at when it is submitted. A run that was stopped is gone',
    'on with by the same command: files that have landed and have not changed since are not sent again. What has landed',
    'can be written over, not taken out: to leave a file out, withdraw the import and draft another.',
  ],
  examples: ['airlock upload asthma al-0011223344556677 ./reference-data'],
  params: z.object({
    ...routes.importAccess.params.shape,
    folder: z.string().describe('the folder whose files come in'),
  }),
  flags: z.object({}),
  async run({ params: { folder, ...params } }, context) {
    const root = await folderAt(folder);
    const { files, findings } = await walk(root);
    const wrong = files.flatMap(({ path }) => {
      const reason = wrongPath(path, room);
      return reason === undefined ? [] : [finding(path, reason)];
    });
    const all = [...findings, ...wrong, ...clashes(files.map(({ path }) => path))];
    if (all.length > 0) refuse(all, context, 'Nothing was uploaded. Mend it and run this again.');
    if (files.length === 0) throw new Exit('usage', `There are no files in ${folder}.`);
    const api = context.api();
    const purpose = { api: api.place.api, folder: root, dataset: params.project };
    const ledger = new Ledger(context.env, purpose, params.request);
    const landing = await landingOf(api, () => api.ask('importAccess', { params }));
    const again = `broch airlock upload ${params.project} ${params.request} ${folder}`;
    context.onInterrupt(() => `Stopped. What has landed stays. Go on with: ${again}`);
    using live = new Live(context);
    try {
      const { seconds, all, sent } = await sendAll(landing, ledger, files, new Map(), live);
      live.end();
      const there = all.files - sent > 0 ? ` (${grouped(all.files - sent)} were there already)` : '';
      context.result(
        { ok: true, files: all.files, bytes: all.bytes, sent },
        `Landed: ${grouped(all.files)} files, ${bytes(all.bytes)}, in ${seconds.toFixed(1)} s${there}\nSubmit it: broch airlock submit ${params.project} ${params.request}`,
      );
      return 'ok';
    } catch (error) {
      if (error instanceof Exit) throw error;
      throw new Exit(
        'fault',
        `The upload stopped: ${(error as Error).message}. What has landed stays. Go on with: ${again}`,
      );
    } finally {
      landing.s3.destroy();
    }
  },
});
