import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders: string[] = [];
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A temporary folder that is deleted when this process ends. */
export function createTempDir(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `broch-${name}-`));
  folders.push(folder);
  return folder;
}
