#!/usr/bin/env node
// The installed command: hands over to bin/broch.ts on the Node this repository pins, whatever the machine has.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const node = join(root, 'node_modules/node/bin/node');
if (!existsSync(node)) {
  process.stderr.write('broch: nothing is installed yet. Run `npm start` (or `npm ci`) here first.\n');
  process.exit(1);
}
const { status, signal } = spawnSync(node, [join(root, 'bin/broch.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exit(signal ? 130 : (status ?? 1));
