import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as z from 'zod';
import { routes } from '../../functions/api/routes.ts';
import { command } from './commands.ts';
import { Exit } from './exit.ts';

export const preview = command({
  words: ['airlock', 'preview'],
  summary: 'Keep a sealed file as a page that is safe to open, with what the checks found marked in it',
  about: [
    'The page runs nothing and fetches nothing, whatever the file is: tables and text are shown as text, pictures are',
    'drawn anew from their pixels, and of anything else there are only its first bytes. Only you can read what it writes.',
  ],
  examples: ['airlock preview asthma al-0011223344556677 tables/table1.csv table1.html'],
  params: z.object({
    ...routes.viewFile.params.shape,
    path: z.string().min(1).describe('the file, as `airlock files` shows it'),
    page: z
      .string()
      .regex(/\.html$/, 'a name that ends in .html')
      .describe('a new file for the page'),
  }),
  flags: z.object({}),
  async run({ params: { path, page, ...params } }, context) {
    const { html, truncated } = await context.api().ask('viewFile', { params, query: { path } });
    await writeFile(page, html, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      throw new Exit('refused', `${page} is there already. Nothing is written over.`);
    });
    const url = pathToFileURL(resolve(page)).href;
    context.result({ ok: true, page: resolve(page), truncated }, `Open it in a browser: ${url}`);
    if (truncated) context.remark('It does not show all of the file; it says at its end what is missing.');
    return 'ok';
  },
});
