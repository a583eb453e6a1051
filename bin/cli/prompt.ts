import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { Exit } from './exit.ts';

/** What asks a person; null where nobody can be asked. Questions go to standard error: answers may be piped. */
export type Prompt = (question: string, hidden?: boolean) => Promise<string>;

/** Asks on the terminal, or reads lines of standard input where it is a pipe. Hidden answers are not echoed. */
export const terminal = (): Prompt & Disposable => {
  let muted = false;
  const echo = new Writable({
    write(chunk, _encoding, done) {
      if (!muted) process.stderr.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input: process.stdin, output: echo, terminal: process.stdin.isTTY });
  const waiting: string[] = [];
  let wanted: ((line: string | undefined) => void) | undefined;
  let closed = false;
  lines.on('line', line => {
    if (wanted) wanted(line);
    else waiting.push(line);
  });
  lines.on('close', () => {
    closed = true;
    wanted?.(undefined);
  });
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const ask = async (question: string, hidden = false): Promise<string> => {
    process.stderr.write(`${question} `);
    muted = hidden;
    const line =
      waiting.shift() ??
      (closed
        ? undefined
        : await new Promise<string | undefined>(resolve => {
            wanted = resolve;
          }));
    wanted = undefined;
    muted = false;
    if (hidden || !process.stdin.isTTY) process.stderr.write('\n');
    if (line === undefined) throw new Exit('usage', 'Nobody is there to answer: run this in a terminal.');
    return line;
  };
  return Object.assign(ask, { [Symbol.dispose]: () => lines.close() });
};
