import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { capabilityWords, readSource, repositoryFiles, subfolders, typeScriptFiles } from './sources.ts';

describe('each capability has one word', () => {
  const words = [
    'projects',
    'ingest',
    'datasets',
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
  it.each(capabilityWords)('%s is a word that the design uses', word => expect(words).toContain(word));
  it.each(capabilityWords)('%s has a construct in lib', word => {
    expect(repositoryFiles.some(file => file === `lib/${word}.ts` || file === `lib/${word}/${word}.ts`)).toBe(true);
  });
  it.each(capabilityWords)('%s has tests', word => expect(subfolders('test')).toContain(word));
  it('gives every capability but the API a state machine, and no state machine to anything else', () => {
    const owners = readdirSync('state-machines').map(file => file.split(/[.-]/)[0]);
    expect([...new Set(owners)].sort()).toEqual(capabilityWords.filter(word => word !== 'api'));
  });
});

describe('files', () => {
  const sources = repositoryFiles.filter(file => /\.(ts|js|py)$/.test(file));
  it('have at most 300 lines', () => {
    expect(sources.filter(file => readSource(file).split('\n').length > 301)).toEqual([]);
  });

  it('have names that end in .lambda.ts if they hold a Lambda function, and only then', () => {
    const lambdas = typeScriptFiles.filter(file => /^export const handler\b/m.test(readSource(file)));
    expect(lambdas.filter(file => !file.endsWith('.lambda.ts'))).toEqual([]);
    expect(typeScriptFiles.filter(file => file.endsWith('.lambda.ts') && !lambdas.includes(file))).toEqual([]);
  });

  it('are spread so that the largest folder holds at most a quarter of the code, tests excluded', () => {
    const sizes = new Map<string, number>();
    for (const file of sources.filter(file => !file.startsWith('test/'))) {
      const [top = '', second = ''] = file.split('/');
      const folder = top === 'functions' ? `${top}/${second}` : top;
      sizes.set(folder, (sizes.get(folder) ?? 0) + readSource(file).split('\n').length);
    }
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    const [[largest, lines] = ['', 0]] = [...sizes].sort(([, first], [, second]) => second - first);
    console.log(`largest folder: ${largest} with ${lines} of ${total} lines, ${((100 * lines) / total).toFixed(1)}%`);
    expect(lines / total).toBeLessThanOrEqual(0.25);
  });
});

describe('npm scripts', () => {
  const { scripts, license } = JSON.parse(readSource('package.json')) as {
    scripts: Record<string, string>;
    license: string;
  };
  it.each(Object.entries(scripts))('npm run %s installs what it needs first', (_, script) => {
    const tool = /^node bin\/start\.js (\w+)( .*)?$/.exec(script)?.[1];
    expect(readSource('bin/start.js')).toMatch(new RegExp(`^  ${tool}: \\{ run: `, 'm'));
  });
  it('are in a package.json that names the licence in LICENSE', () => {
    expect(license).toBe('Apache-2.0');
    expect(readSource('LICENSE')).toMatch(/^\s+Apache License\n\s+Version 2\.0, January 2004\n/);
  });
});

it('no file contains a path of a person’s own machine', () => {
  const files = repositoryFiles.filter(file => file !== 'package-lock.json' && !file.startsWith('test/house/'));
  expect(files.filter(file => /\/home\/|\/Users\/|\/root\/|\/tmp\/[a-z]/.test(readSource(file)))).toEqual([]);
});
