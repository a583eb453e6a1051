import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter(file => file !== '');
const sources = tracked.filter(file => /\.(ts|js|py)$/.test(file));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const folders = (folder: string) =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name)
    .sort();

/** Folders of functions/ that every capability shares. */
const shared = ['http', 'storage'];
/** The capabilities there are: the other folders of functions/. */
const capabilities = folders('functions').filter(word => !shared.includes(word));

describe('one word per capability', () => {
  const known = [
    'projects',
    'ingest',
    'workspaces',
    'images',
    'enclaves',
    'batch',
    'airlock',
    'costs',
    'notifications',
    'audit',
    'api',
  ];
  it.each(capabilities)('%s is one of the words of this house', word => expect(known).toContain(word));
  it.each(capabilities)('%s has its construct in lib', word => expect(tracked).toContain(`lib/${word}.ts`));
  it.each(capabilities)('%s has its tests', word => expect(folders('test')).toContain(word));
  it('every state machine belongs to a capability that has one, and all but the API have one', () => {
    const machines = readdirSync(join(root, 'state-machines')).map(file => file.split(/[.-]/)[0]);
    expect([...new Set(machines)].sort()).toEqual(capabilities.filter(word => word !== 'api'));
  });
});

describe('files', () => {
  it.each(sources)('%s has no more than 300 lines', file => {
    expect(read(file).split('\n').length).toBeLessThanOrEqual(301);
  });
});

describe('imports', () => {
  /** What a file of each folder may import from, besides packages and its own folder. */
  const may: Record<string, string[]> = {
    disclosure: [],
    functions: ['disclosure'],
    lib: ['functions', 'disclosure'],
    bin: ['lib', 'functions', 'disclosure', 'local'],
    local: ['lib', 'functions', 'disclosure', 'bin'],
    test: ['lib', 'functions', 'disclosure', 'bin', 'local'],
  };
  const imports = (file: string) =>
    [...read(file).matchAll(/from '(\.[^']+)'/g)].map(([, path]) =>
      relative(root, join(root, dirname(file), path ?? '')),
    );

  it.each(sources.filter(file => (file.split('/')[0] ?? '') in may && file.endsWith('.ts')))(
    '%s imports in the right direction',
    file => {
      const from = file.split('/')[0] ?? '';
      const wrong = imports(file).filter(other => {
        const to = other.split('/')[0] ?? '';
        return to !== from && !may[from]?.includes(to);
      });
      expect(wrong).toEqual([]);
    },
  );

  it.each(capabilities)('the core of %s imports no SDK, no logger and no clock', word => {
    const pure = new Set<string>();
    const visit = (file: string) => {
      if (pure.has(file) || !tracked.includes(file)) return;
      pure.add(file);
      for (const other of imports(file)) visit(other);
    };
    visit(`functions/${word}/${word}.ts`);
    if (word === 'api') return;
    for (const file of pure) {
      const packages = [...read(file).matchAll(/from '([^.'][^']*)'/g)].map(([, name]) => name);
      expect(
        packages.filter(name => name !== 'zod' && !name?.startsWith('node:crypto')),
        file,
      ).toEqual([]);
      expect(read(file), file).not.toMatch(/Date\.now\(|new Date\(\)|Math\.random|randomUUID|process\.env/);
    }
  });
});

describe('npm scripts', () => {
  const { scripts, license } = JSON.parse(read('package.json')) as { scripts: Record<string, string>; license: string };
  it.each(Object.entries(scripts))('%s is a tool that installs what it needs first', (_, script) => {
    const tool = /^node bin\/start\.js (\w+)$/.exec(script)?.[1];
    expect(read('bin/start.js')).toMatch(new RegExp(`^  ${tool}: \\{ run: `, 'm'));
  });
  it('the licence is the one that package.json names', () => {
    expect(license).toBe('Apache-2.0');
    expect(read('LICENSE')).toMatch(/^\s+Apache License\n\s+Version 2\.0, January 2004\n/);
  });
});

describe('nothing of one machine', () => {
  it.each(tracked.filter(file => file !== 'package-lock.json' && !file.startsWith('test/house')))(
    '%s names no path of a person or a workplace',
    file => {
      expect(read(file)).not.toMatch(/\/home\/|\/Users\/|\/root\/|\/tmp\/[a-z]/);
    },
  );
});
