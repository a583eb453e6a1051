import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { ExitError } from './exit.ts';

/** Asks a question and waits for the answer, which is not echoed if hidden. */
export type Prompt = (question: string, hidden?: boolean) => Promise<string>;

interface Streams {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: { write(text: string): unknown };
}

/** Asks on the terminal, or reads lines from a pipe. Questions go to standard error; standard output is for results. */
export function createTerminalPrompt(
  { input, output }: Streams = { input: process.stdin, output: process.stderr },
): Prompt & Disposable {
  let isMuted = false;
  const echo = new Writable({
    write(chunk, _encoding, callback) {
      if (!isMuted) output.write(chunk);
      callback();
    },
  });
  // No history: the arrow keys would show a password again.
  const lines = createInterface({ input, output: echo, terminal: input.isTTY === true, historySize: 0 });
  const waiting: string[] = [];
  let waiter: ((line: string | undefined) => void) | undefined;
  let closed = false;
  const give = (line: string | undefined) => {
    const want = waiter;
    waiter = undefined;
    if (want) want(line);
    else if (line !== undefined) waiting.push(line);
  };
  lines.on('line', give);
  lines.on('close', () => {
    closed = true;
    give(undefined);
  });
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const next = () =>
    new Promise<string | undefined>(resolve => {
      const line = waiting.shift();
      if (line !== undefined || closed) resolve(line);
      else waiter = resolve;
    });
  const ask: Prompt = async (question, hidden = false) => {
    output.write(`${question} `);
    isMuted = hidden;
    const line = await next();
    isMuted = false;
    if (hidden || !input.isTTY) output.write('\n');
    if (line === undefined)
      throw new ExitError('usage', 'This question needs an answer: run the command in a terminal.');
    return line;
  };
  return Object.assign(ask, { [Symbol.dispose]: () => lines.close() });
}
