import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FORMATS } from '../../disclosure/formats.ts';
import { PASSING_FORMATS } from '../../disclosure/policy.ts';
import { RENDERERS } from '../../disclosure/preview/renderers.ts';
import { REFUSED_FORMATS } from '../../disclosure/refused-formats.ts';

const library = join(import.meta.dirname, '../../disclosure');
const names = Object.keys(PASSING_FORMATS);

it('every format that may pass has a file, a check and a preview', () => {
  const files = readdirSync(join(library, 'formats')).map(file => file.replace(/\.ts$/, ''));
  expect(files.sort()).toEqual([...names].sort());
  expect(Object.keys(FORMATS)).toEqual(names);
  expect(Object.keys(RENDERERS)).toEqual(names);
});

it('the README documents every format with its media type and tiers', () => {
  const readme = readFileSync(join(library, 'README.md'), 'utf8');
  const formatRows = [...readme.matchAll(/^\| `(\w+)` \| `([^`]+)` \| ([\d ]+) \|/gm)].map(([, ...columns]) => columns);
  expect(formatRows).toEqual(
    Object.entries(PASSING_FORMATS).map(([name, { type, tiers }]) => [name, type, tiers.join(' ')]),
  );
});

it('no media type both may pass and is refused', () => {
  expect(Object.values(PASSING_FORMATS).filter(({ type }) => type in REFUSED_FORMATS)).toEqual([]);
});

it('CONTRIBUTING names only files that exist', () => {
  const guide = readFileSync(join(library, '../CONTRIBUTING.md'), 'utf8');
  const section = /^## Add a file format[\s\S]*?(?=^## )/m.exec(guide)?.[0] ?? '';
  const files = [...section.matchAll(/`disclosure\/([\w/-]+\.ts)`/g)].map(([, file = '']) => file);
  expect(files.length).toBeGreaterThanOrEqual(4);
  for (const file of files) expect(readFileSync(join(library, file), 'utf8')).not.toBe('');
});
