import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import { type CliCommand, defineCommand } from './commands.ts';
import { type CompletionShell, completionScript, completionShells } from './completion.ts';
import { ExitError } from './exit.ts';
import type { Environment } from './profile.ts';

interface InstallPlan {
  /** Where the script goes. */
  readonly script: string;
  /** The start-up file that loads it, with the line; fish loads its own folder. */
  readonly startup?: { readonly file: string; readonly line: string };
}

const quote = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`;

function planFor(shell: CompletionShell, env: Environment): InstallPlan {
  const home = env.HOME || homedir();
  if (shell === 'fish')
    return { script: join(env.XDG_CONFIG_HOME || join(home, '.config'), 'fish/completions/broch.fish') };
  const script = join(env.XDG_DATA_HOME || join(home, '.local/share'), 'broch', `completion.${shell}`);
  const load = `[ -r ${quote(script)} ] && . ${quote(script)}`;
  return shell === 'bash'
    ? { script, startup: { file: join(home, '.bashrc'), line: load } }
    : {
        script,
        startup: {
          file: join(env.ZDOTDIR || home, '.zshrc'),
          // The script needs zsh's completion system, which many start-up files load already.
          line: `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }; ${load}`,
        },
      };
}

/** The shell that was named, or that the person signs in with. */
function chooseShell(requestedShell: CompletionShell | undefined, env: Environment): CompletionShell {
  const shell = requestedShell ?? completionShells.find(name => name === basename(env.SHELL ?? ''));
  if (shell === undefined)
    throw new ExitError('usage', `Name your shell: broch completion install ${completionShells.join('|')}`);
  return shell;
}

export const createCompletionInstallCommand = (
  commands: () => readonly CliCommand[],
  globals: z.ZodObject,
): CliCommand =>
  defineCommand({
    words: ['completion', 'install'],
    summary: 'Install completion for your shell, or renew it after an update',
    examples: ['completion install', 'completion install zsh'],
    notes: ['It writes the script, and for bash and zsh adds one line to the start-up file of the shell, once.'],
    params: z.object({ shell: z.enum(completionShells).optional().describe('your shell, if it is not in SHELL') }),
    flags: z.object({}),
    async run({ params }, context) {
      const shell = chooseShell(params.shell, context.env);
      const { script, startup } = planFor(shell, context.env);
      mkdirSync(dirname(script), { recursive: true });
      writeFileSync(script, completionScript(shell, commands(), globals));
      const content = startup && existsSync(startup.file) ? readFileSync(startup.file, 'utf8') : '';
      const isMissing = startup !== undefined && !content.includes(startup.line);
      if (startup && isMissing)
        appendFileSync(
          startup.file,
          `${content === '' || content.endsWith('\n') ? '' : '\n'}# Completion of broch\n${startup.line}\n`,
        );
      context.result(
        { shell, script, ...(startup && { startup: startup.file, added: isMissing }) },
        `Installed: ${script}${startup && isMissing ? `\n${startup.file} now loads it.` : ''}\nOpen a new terminal to use it.`,
      );
      return 'ok';
    },
  });
