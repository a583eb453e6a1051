import { spawn } from 'node:child_process';
import * as z from 'zod';
import { routes } from '../../functions/api/routes.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';

const openers: Readonly<Record<string, readonly string[]>> = {
  linux: ['xdg-open'],
  darwin: ['open'],
  // Not `start`: that is the shell's, and would read the address as a command line.
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

export const openDesktopCommand = defineCommand({
  words: ['open'],
  summary: 'Open your desktop in the browser, by a link that works once',
  examples: ['open asthma ws-001122334455'],
  params: routes.linkWorkspace.params,
  flags: z.object({}),
  async run({ params }, context) {
    const { url, expires } = await context.api().ask('linkWorkspace', { params });
    if (!/^https:\/\//.test(url))
      throw new ExitError('fault', 'The API gave a link that is not https; it is not opened.');
    const [program, ...words] = openers[process.platform] ?? ['xdg-open'];
    // Shown only to the browser: a link on the screen ends up in logs.
    await new Promise<void>((resolve, reject) => {
      const child = spawn(program as string, [...words, url], { stdio: 'ignore', detached: true });
      child.once('error', () =>
        reject(
          new ExitError('fault', `No ${program} here to open a browser with. Print the link: broch workspace link …`),
        ),
      );
      child.once('spawn', () => {
        child.unref();
        resolve();
      });
    });
    context.result({ expires }, 'Your browser opens the desktop; the link worked once.');
    return 'ok';
  },
});
