import { readFile, stat, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { MAX_REWRITTEN_BYTES, rewriteFile } from '../../disclosure/rewrite.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { escapeForTerminal, formatCount } from './output.ts';

export const disclosureRewriteCommand = defineCommand({
  words: ['disclosure', 'rewrite'],
  summary: 'Write a picture, a notebook or an office file as the airlock would seal it',
  notes: [
    'Runs on this machine only. The airlock draws pictures again, writes notebooks as Jupyter does, and packs office files',
    'in one way, so that nothing leaves that reviewers are not shown. This command writes the same bytes to a new file.',
    'Other files are sealed as they are; so is a file in which `broch disclosure check` finds something hidden.',
  ],
  examples: ['disclosure rewrite plot.png sealed-plot.png'],
  params: z.object({
    file: z.string().min(1).describe('the file to write again'),
    target: z.string().min(1).describe('a new file for the result'),
  }),
  flags: z.object({}),
  async run({ params: { file, target } }, context) {
    const { size } = await stat(file);
    const rewritten = size > MAX_REWRITTEN_BYTES ? undefined : await rewriteFile(file, await readFile(file));
    if (rewritten === undefined)
      throw new ExitError(
        'refused',
        `The airlock seals ${escapeForTerminal(file)} as it is: there is nothing to write.`,
      );
    await writeFile(target, rewritten, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      throw new ExitError(
        'refused',
        `${escapeForTerminal(target)} already exists. Name a new file; existing files are never overwritten.`,
      );
    });
    context.result(
      { ok: true, file: target, size: rewritten.length },
      `${escapeForTerminal(target)} has ${formatCount(rewritten.length)} bytes; the original has ${formatCount(size)}.`,
    );
    return 'ok';
  },
});
