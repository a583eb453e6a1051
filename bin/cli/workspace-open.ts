import { spawn } from 'node:child_process';
import * as z from 'zod';
import { routes } from '../../functions/api/routes.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';

const openers: Readonly<Record<string, readonly string[]>> = {
  linux: ['xdg-open'],
  darwin: ['open'],
  // Not `start`: the shell would interpret the address as a command line.
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

export const openDesktopCommand = defineCommand({
  words: ['workspace', 'open'],
  summary: 'Open your desktop in the browser, with a link that works once',
  examples: ['workspace open asthma ws-001122334455'],
  params: routes.linkWorkspace.params,
  flags: z.object({}),
  async run({ params }, context) {
    const { url, expires } = await context.api().ask('linkWorkspace', { params });
    if (!/^https:\/\//.test(url))
      throw new ExitError(
        'fault',
        'The API returned a link that is not https, so it was not opened. Ask your operator.',
      );
    const [program, ...words] = openers[process.platform] ?? ['xdg-open'];
    // The link goes only to the browser: on the screen it could end up in logs.
    await new Promise<void>((resolve, reject) => {
      const child = spawn(program as string, [...words, url], { stdio: 'ignore', detached: true });
      child.once('error', () =>
        reject(
          new ExitError(
            'fault',
            `${program} cannot open a browser here. Print the link instead: broch workspace link ${params.project} ${params.workspace}`,
          ),
        ),
      );
      child.once('spawn', () => {
        child.unref();
        resolve();
      });
    });
    context.result({ expires }, 'Your browser is opening the desktop. The link cannot be used again.');
    return 'ok';
  },
});
