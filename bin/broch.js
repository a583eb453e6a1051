#!/usr/bin/env node
// The installed command: runs bin/broch.ts on the Node version that this repository pins.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const node = join(root, 'node_modules/node/bin/node');
if (!existsSync(node)) {
  process.stderr.write('broch: the packages are not installed. Run `npm start` (or `npm ci`) here first.\n');
  process.exit(1);
}
// Compiled code is kept between runs, which halves the time to start.
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'broch');
const child = spawn(node, [join(root, 'bin/broch.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { NODE_COMPILE_CACHE: cache, ...process.env },
});
// Ctrl-C reaches both processes; the child prints a last message, so wait for it. Other signals reach only this process.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', error => {
  process.stderr.write(`broch: ${error.message}\n`);
  process.exit(1);
});
child.on('close', (code, signal) => process.exit(signal ? 130 : (code ?? 1)));
