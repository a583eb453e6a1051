import { main } from './cli/main.ts';
import { createTerminalPrompt } from './cli/prompt.ts';

// `broch … | head`: the reader may close the pipe early.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const interrupts = { message: () => '' };
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => {
    const last = interrupts.message();
    process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${last && `${last}\n`}`);
    process.exit(code);
  });

process.exitCode = await main(
  process.argv.slice(2),
  {
    env: process.env,
    width: process.stdout.isTTY ? process.stdout.columns || 80 : undefined,
    live: process.stderr.isTTY === true,
    // The terminal is opened for each question only, because an open one would keep the command from ending.
    ask:
      process.stdin.isTTY && process.stderr.isTTY
        ? async (question, hidden) => {
            using ask = createTerminalPrompt();
            return await ask(question, hidden);
          }
        : undefined,
    out: text => process.stdout.write(text),
    err: text => process.stderr.write(text),
  },
  interrupts,
);
