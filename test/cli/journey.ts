import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import type { UserGroup } from '../../functions/http/route.ts';
import { repositoryRoot } from '../../local/cloud.ts';
import type { connectTestCloud } from '../cloud.ts';
import { splitShellWords } from '../docs/markdown.ts';
import { publishTestImage } from '../workspaces/harness.ts';
import { writeEmbeddedCloudFile } from './embedded.ts';
import { type CliResult, makeTestFolder, runBroch } from './harness.ts';

/**
 * Types a command line as a person, with the answers that they give at the terminal. Words may be quoted. `env` is what a
 * process of the person's own needs.
 */
export type TypeLine = ((line: string, answers?: readonly string[]) => Promise<CliResult>) & {
  readonly env: Readonly<Record<string, string>>;
};

/** People with a home of their own each, and the image that desktops start from, as `npm start` leaves it. */
export async function enrolJourneyPeople<Name extends string>(
  cloud: ReturnType<typeof connectTestCloud>,
  roles: Record<Name, UserGroup>,
): Promise<Record<Name, TypeLine>> {
  await publishTestImage(cloud, 'desktop', 'ami-0a0a0a0a0a0a0a0a0');
  const { file } = await writeEmbeddedCloudFile(cloud, makeTestFolder(afterAll), roles);
  return Object.fromEntries(
    (Object.keys(roles) as Name[]).map(name => {
      const env = { XDG_CONFIG_HOME: makeTestFolder(afterAll), BROCH_CLOUD: file, BROCH_AS: name };
      const type = (line: string, answers?: readonly string[]) =>
        runBroch(splitShellWords(line).slice(1), env, answers);
      return [name, Object.assign(type, { env })] as [Name, TypeLine];
    }),
  ) as Record<Name, TypeLine>;
}

/** A folder with these files, which goes after the tests. */
export function makeFolder(files: Record<string, string>): string {
  const folder = makeTestFolder(afterAll);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

/** Runs a command in a real pseudo-terminal; each answer is typed once its question is on the screen. */
export async function runInTerminal(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  answers: readonly (readonly [question: string, answer: string])[],
): Promise<{ code: number | null; screen: string }> {
  const program = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
  const command = [process.execPath, join(repositoryRoot, 'bin/broch.js'), ...argv];
  const child = spawn('python3', ['-c', program, ...command], { env: { ...process.env, ...env } });
  const waiting = [...answers];
  let screen = '';
  child.stdout.on('data', chunk => {
    screen += chunk;
    const [next] = waiting;
    if (!next || !screen.includes(next[0])) return;
    waiting.shift();
    child.stdin.write(`${next[1]}\n`);
  });
  const code = await new Promise<number | null>(resolve => child.once('close', resolve));
  return { code, screen };
}
