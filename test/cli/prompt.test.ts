import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createTerminalPrompt } from '../../bin/cli/prompt.ts';

/** A prompt on a pipe, or on something that passes for a terminal, and what it wrote. */
function prompt({ isTTY = false } = {}) {
  const input = Object.assign(new PassThrough(), { isTTY, setRawMode: () => {} });
  let echo = '';
  const output = { write: (text: string | Uint8Array) => (echo += text) };
  return { input, ask: createTerminalPrompt({ input, output }), written: () => echo };
}

describe('asking', () => {
  it('reads one line of a pipe for each question, also when all lines come at once', async () => {
    const { input, ask } = prompt();
    input.end('dana\npass word \n123456');
    expect([await ask('Name:'), await ask('Password:', true), await ask('Code:')]).toEqual([
      'dana',
      'pass word ',
      '123456',
    ]);
    await expect(ask('More:')).rejects.toMatchObject({ ending: 'usage' });
  });
  it('never shows a hidden answer, not even with the arrow key for earlier lines', async () => {
    const { input, ask, written: echo } = prompt({ isTTY: true });
    const hidden = ask('Password:', true);
    input.write('S3cret!\r');
    expect(await hidden).toBe('S3cret!');
    const open = ask('Name:');
    input.write('\u001b[A dana\r');
    expect((await open).trim()).toBe('dana');
    expect(echo()).toContain('dana');
    expect(echo()).not.toContain('S3cret!');
    ask[Symbol.dispose]();
  });
});
