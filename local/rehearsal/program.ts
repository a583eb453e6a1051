import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';

export interface ProgramOptions {
  /** Where everything that it prints goes as well. */
  readonly log: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly seconds?: number;
}

export interface ProgramResult {
  readonly status: number;
  readonly output: string;
}

/** Runs a program to its end. It never throws: a status other than 0 is for the caller to judge. */
export async function runLoggedProgram(
  [command = '', ...args]: readonly string[],
  { log, env, input = '', seconds = 600 }: ProgramOptions,
): Promise<ProgramResult> {
  appendFileSync(log, `\n$ ${[command, ...args].join(' ')}\n`);
  const child = spawn(command, args, { env: { ...process.env, ...env }, timeout: seconds * 1000 });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      appendFileSync(log, chunk);
      output = (output + chunk.toString()).slice(-20_000);
    });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const status = await new Promise<number>(resolve => {
    child.on('error', error => {
      output += error.message;
      resolve(127);
    });
    child.on('close', code => resolve(code ?? 124));
  });
  return { status, output: output.trim() };
}

/** Runs a program whose success everything else depends on. */
export async function requireProgram(command: readonly string[], options: ProgramOptions): Promise<string> {
  const { status, output } = await runLoggedProgram(command, options);
  if (status !== 0) {
    const last = output.split('\n').slice(-6).join('\n');
    throw new Error(`${command.join(' ').slice(0, 120)} ended with ${status}; the log is ${options.log}\n${last}`);
  }
  return output;
}

/** Starts a program that runs until it is ended. */
export function startProgram([command = '', ...args]: readonly string[], { log, env }: ProgramOptions): ChildProcess {
  appendFileSync(log, `\n& ${[command, ...args].join(' ')}\n`);
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => appendFileSync(log, chunk));
  child.on('error', error => appendFileSync(log, `${command}: ${error.message}\n`));
  return child;
}
