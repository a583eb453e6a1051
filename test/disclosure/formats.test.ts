import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { FORMATS } from '../../disclosure/formats.ts';
import { FORMAT_READERS } from '../../disclosure/readers.ts';
import { REFUSED_FORMATS } from '../../disclosure/refused-formats.ts';

const library = join(import.meta.dirname, '../../disclosure');
const names = Object.keys(FORMATS);

it('every format that may pass has a file, a check and a preview', () => {
  const files = readdirSync(join(library, 'formats')).map(file => file.replace(/\.ts$/, ''));
  expect(files.sort()).toEqual([...names].sort());
  expect(Object.keys(FORMAT_READERS)).toEqual(names);
});

it('the README documents every format with its media type and tiers', () => {
  const readme = readFileSync(join(library, 'README.md'), 'utf8');
  const formatRows = [...readme.matchAll(/^\| `(\w+)` \| `([^`]+)` \| ([\d ]+) \|/gm)].map(([, ...columns]) => columns);
  expect(formatRows).toEqual(Object.entries(FORMATS).map(([name, { type, tiers }]) => [name, type, tiers.join(' ')]));
});

it('no media type both may pass and is refused', () => {
  expect(Object.values(FORMATS).filter(({ type }) => type in REFUSED_FORMATS)).toEqual([]);
});

it('CONTRIBUTING names only files that exist', () => {
  const guide = readFileSync(join(library, '../CONTRIBUTING.md'), 'utf8');
  const section = /^## Add a file format[\s\S]*?(?=^## )/m.exec(guide)?.[0] ?? '';
  const files = [...section.matchAll(/`disclosure\/([\w/-]+\.ts)`/g)].map(([, file = '']) => file);
  expect(files.length).toBeGreaterThanOrEqual(3);
  for (const file of files) expect(readFileSync(join(library, file), 'utf8')).not.toBe('');
});

it('the policy of a tier can be bundled without any reader of a format', async () => {
  const { metafile } = await build({
    absWorkingDir: join(library, '..'),
    entryPoints: [join(library, 'tier-policy.ts')],
    bundle: true,
    format: 'esm',
    platform: 'node',
    metafile: true,
    write: false,
  });
  const [output] = Object.values(metafile.outputs);
  const files = Object.entries(output?.inputs ?? {}).flatMap(([file, { bytesInOutput }]) =>
    bytesInOutput > 0 ? [file] : [],
  );
  expect(files.filter(file => file.startsWith('disclosure/formats/'))).toHaveLength(names.length);
  expect(files.filter(file => file.includes('node_modules/') && !file.includes('node_modules/zod/'))).toEqual([]);
});
