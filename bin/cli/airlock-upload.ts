import * as z from 'zod';
import { routes } from '../../functions/api/routes.ts';
import { findPathClashes, pathFinding, pathProblem } from '../../functions/storage/paths.ts';
import { defineCommand } from './commands.ts';
import { describeCause } from './error-text.ts';
import { ExitError } from './exit.ts';
import { refuseUpload, resolveFolder, walkFolder } from './folder.ts';
import { UploadLedger } from './ledger.ts';
import { formatBytes, formatCount } from './output.ts';
import { formatPatternMatches, matchPatterns } from './pattern-matches.ts';
import { ProgressLine } from './progress.ts';
import { openUploadLanding, sendFiles } from './upload.ts';

/** Bytes that the prefix `requests/<id>/<round>/files/` takes of a key's 1,024, generously rounded. */
const room = 960;

export const airlockUploadCommand = defineCommand({
  words: ['airlock', 'upload'],
  summary: 'Upload a folder to an import, before you submit it',
  notes: [
    'Files go to a folder that belongs to this import alone, and are checked when you submit it. To resume a stopped',
    'upload, run the same command again: files that have not changed are not sent again. Uploaded files can be replaced',
    'but not removed: to leave a file out, withdraw the import and draft another.',
  ],
  examples: ['airlock upload asthma al-0011223344556677 ./reference-data'],
  params: z.object({
    ...routes.importAccess.params.shape,
    folder: z.string().describe('the folder to upload'),
  }),
  flags: z.object({}),
  async run({ params: { folder, ...params } }, context) {
    const root = await resolveFolder(folder);
    const { files, findings } = await walkFolder(root);
    const wrong = files.flatMap(({ path }) => {
      const reason = pathProblem(path, room);
      return reason === undefined ? [] : [pathFinding(path, reason)];
    });
    const problems = [...findings, ...wrong, ...findPathClashes(files.map(({ path }) => path))];
    if (problems.length > 0) refuseUpload(problems, context, 'Nothing was uploaded. Correct it and run this again.');
    if (files.length === 0) throw new ExitError('usage', `There are no files in ${folder}.`);
    const api = context.api();
    const { groups } = await api.ask('showRequest', { params });
    const matches = matchPatterns(
      files.map(({ path }) => path),
      groups,
    );
    context.remark(formatPatternMatches(matches));
    if (matches.remainder.length > 0)
      throw new ExitError(
        'refused',
        `Nothing was uploaded. Remove these files, or name them: broch airlock edit ${params.project} ${params.request} --supporting <pattern>`,
        { errors: [...matches.remainder] },
      );
    const purpose = { api: api.place.api, folder: root, dataset: params.project };
    const ledger = new UploadLedger(context.env, purpose, params.request);
    const landing = await openUploadLanding(api, () => api.ask('importAccess', { params }));
    const resumeCommand = `broch airlock upload ${params.project} ${params.request} ${folder}`;
    context.onInterrupt(() => `Stopped. Uploaded files are kept. Resume with: ${resumeCommand}`);
    using live = new ProgressLine(context);
    try {
      const { seconds, all: total, sent: sentCount } = await sendFiles(landing, ledger, files, new Map(), live);
      live.end();
      const remark =
        total.files - sentCount > 0 ? ` (${formatCount(total.files - sentCount)} were already uploaded)` : '';
      context.result(
        { ok: true, files: total.files, bytes: total.bytes, sent: sentCount },
        `Uploaded: ${formatCount(total.files)} files, ${formatBytes(total.bytes)}, in ${seconds.toFixed(1)} s${remark}\nSubmit it: broch airlock submit ${params.project} ${params.request}`,
      );
      return 'ok';
    } catch (error) {
      if (error instanceof ExitError) throw error;
      throw new ExitError(
        'fault',
        `The upload stopped: ${describeCause(error)}. Uploaded files are kept. Resume with: ${resumeCommand}`,
      );
    } finally {
      landing.s3.destroy();
    }
  },
});
