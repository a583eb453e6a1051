import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { main } from '../../bin/cli/main.ts';

/** An empty folder that goes with the test, or when `onEnd` decides. */
export function makeTestFolder(onEnd: (clean: () => void) => void = onTestFinished): string {
  const path = mkdtempSync(join(tmpdir(), 'broch-cli-'));
  onEnd(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface CliResult {
  readonly code: number;
  readonly output: string;
  readonly err: string;
}

/**
 * Runs a command line in this process, with a home and a cloud of its own (none unless given). With `answers` somebody is at
 * the terminal and gives them in turn; otherwise there is no terminal.
 */
export async function runBroch(
  argv: readonly string[],
  env: Record<string, string> = {},
  answers?: readonly string[],
): Promise<CliResult> {
  const lines = [...(answers ?? [])];
  let [output, err] = ['', ''];
  const code = await main(argv, {
    env: { XDG_CONFIG_HOME: '/nonexistent/broch', BROCH_CLOUD: '/nonexistent/cloud.json', ...env },
    width: undefined,
    live: false,
    ...(answers && {
      ask: async (question: string) => {
        const line = lines.shift();
        if (line === undefined) throw new Error(`nobody answers ${question}`);
        err += `${question} ${line}\n`;
        return line;
      },
    }),
    out: text => {
      output += typeof text === 'string' ? text : Buffer.from(text).toString();
    },
    err: text => {
      err += text;
    },
  });
  return { code, output, err };
}
