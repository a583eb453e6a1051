import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import type { RuleName } from '../../disclosure/policy.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { makeTestFolder, runBroch } from '../cli/harness.ts';

const readme = readFileSync(join(import.meta.dirname, '../../disclosure/README.md'), 'utf8');

it('the README lists every rule of the policy with its action at each tier', () => {
  const ruleRows = [...readme.matchAll(/^\| `([a-z.-]+)` \| [^|]+ \| (\w+) \| (\w+) \| (\w+) \|$/gm)];
  const policies = ([1, 2, 3] as const).map(tier => policyFor(tier).rules);
  const expected = (Object.keys(policies[0] ?? {}) as RuleName[]).map(rule => [
    rule,
    ...policies.map(rules => rules[rule].action),
  ]);
  expect(ruleRows.map(([, ...columns]) => columns)).toEqual(expected);
});

it('the README shows a command that runs as it is written', async () => {
  const [, words = ''] = /^broch (disclosure check .*)$/m.exec(readme) ?? [];
  const folder = makeTestFolder();
  mkdirSync(join(folder, 'results'));
  writeFileSync(join(folder, 'results', 'a.csv'), 'region,n\nNorth,300\nSouth,400\n');
  const places: Record<string, string> = {
    results: join(folder, 'results'),
    'report.html': join(folder, 'report.html'),
  };
  const { code, output: stdout } = await runBroch(words.split(' ').map(word => places[word] ?? word));
  expect({ code, out: stdout }).toEqual({ code: 0, out: expect.stringContaining('1 checked, 1 without findings') });
  expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain('No findings');
});

it('the README names only modules and exports that exist', async () => {
  const imports = [...readme.matchAll(/^import \{ (\w+) \} from '\.\/([\w-]+\.ts)';$/gm)];
  expect(imports).toHaveLength(4);
  for (const [, name = '', file = ''] of imports)
    expect(await import(pathToFileURL(join(import.meta.dirname, '../../disclosure', file)).href)).toHaveProperty(
      name,
      expect.any(Function),
    );
});
