import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import type { CheckedFile } from '../../disclosure/file.ts';
import type { Tier } from '../../disclosure/policy.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { buildCheckedFile, buildSource } from './files.ts';

async function check(path: string, content: string, tier: Tier, kind: CheckedFile['kind']) {
  const { findings } = await checkFile(
    buildCheckedFile(path, content, kind),
    buildSource(content),
    policyFor(tier),
    [],
  );
  return { rules: findings.map(({ rule, action }) => `${rule} ${action}`) };
}

describe('the kind that a file is declared as', () => {
  const table = 'region,n\nA,30\nB,40\n';
  it.each<[CheckedFile['kind'], string, string]>([
    ['code', 't.csv', table],
    ['figure', 't.csv', table],
    ['model', 't.csv', table],
    ['log', 't.csv', table],
    ['table', 'a.R', 'x <- f(1)\n'],
    ['figure', 'a.R', 'x <- f(1)\n'],
  ])('leads to a question when the content is of another kind: %s for %s', async (kind, path, content) => {
    expect((await check(path, content, 2, kind)).rules).toEqual(['type.kind ask']);
    expect((await check(path, content, 1, kind)).rules).toEqual(['type.kind warn']);
  });

  it.each<[CheckedFile['kind'], string, string]>([
    ['table', 't.csv', table],
    ['table', 'README.md', '# What these tables are\n'],
    ['figure', 'legend.txt', 'The grey line is the mean.\n'],
    ['code', 'a.R', 'x <- f(1)\n'],
    ['log', 'run.log', 'step one\n'],
    ['supporting', 't.csv', table],
  ])(
    'leads to no question when it fits the content or the content explains something: %s for %s',
    async (kind, path, content) => expect((await check(path, content, 3, kind)).rules).not.toContain('type.kind ask'),
  );
});
