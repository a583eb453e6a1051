#!/usr/bin/env node
// The installed command: hands over to bin/broch.ts on the Node this repository pins, whatever the machine has.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const node = join(root, 'node_modules/node/bin/node');
if (!existsSync(node)) {
  process.stderr.write('broch: nothing is installed yet. Run `npm start` (or `npm ci`) here first.\n');
  process.exit(1);
}
const child = spawn(node, [join(root, 'bin/broch.ts'), ...process.argv.slice(2)], { stdio: 'inherit' });
// Ctrl-C reaches both: the child has a last word to say, so this waits for it. Others reach only this process.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', error => {
  process.stderr.write(`broch: ${error.message}\n`);
  process.exit(1);
});
child.on('close', (code, signal) => process.exit(signal ? 130 : (code ?? 1)));
