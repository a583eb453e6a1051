import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeTestFolder, runBroch } from '../cli/harness.ts';

const role = (name: string) => `arn:aws:iam::111122223333:role/${name}`;
const roles = ['parent', 'approver', 'admin', 'auditor'].flatMap(name => [`--${name}-role`, role(name)]);

describe('broch enclave keys', () => {
  it('writes a policy that its own check accepts', async () => {
    const { code, output } = await runBroch(['enclave', 'keys', '--pcr0', 'a'.repeat(96), ...roles]);
    expect(code).toBe(0);
    const file = join(makeTestFolder(), 'policy.json');
    writeFileSync(file, output);
    expect(await runBroch(['enclave', 'keys', '--check', file])).toMatchObject({ code: 0 });
    writeFileSync(file, output.replaceAll('StringNotEqualsIgnoreCase', 'StringEqualsIgnoreCase'));
    const { code: refusal, output: problems } = await runBroch(['enclave', 'keys', '--check', file, '--json']);
    expect(refusal).toBe(3);
    expect(JSON.parse(problems).problems).toHaveLength(2);
  });

  it('writes no policy that a debug enclave would fulfil', async () => {
    const { code, err } = await runBroch(['enclave', 'keys', '--pcr0', '0'.repeat(96), ...roles]);
    expect(code).toBe(3);
    expect(err).toContain('debug enclave');
  });

  it.each([
    [['--pcr0', 'ab'], /96 hexadecimal digits/],
    [[], /--check/],
    [['--check', '/nonexistent/policy.json'], /does not exist/],
  ])('says what is missing with %j', async (flags, reason) => {
    const { code, err } = await runBroch(['enclave', 'keys', ...flags]);
    expect(code).toBe(2);
    expect(err).toMatch(reason);
  });
});

describe('broch enclave pack', () => {
  const key = 'arn:aws:kms:eu-west-2:111122223333:key/1';
  it.each([
    ['a folder that is empty', () => makeTestFolder(), /no files/, 3],
    ['a folder that does not exist', () => '/nonexistent/data', /does not exist/, 2],
  ])('refuses %s', async (_, folder, reason, exitCode) => {
    const { code, err } = await runBroch([
      'enclave',
      'pack',
      folder(),
      '--kms-key',
      key,
      '--out',
      join(makeTestFolder(), 'p'),
    ]);
    expect(err).toMatch(reason);
    expect(code).toBe(exitCode);
  });

  it('writes over no file', async () => {
    const folder = makeTestFolder();
    const target = join(folder, 'p');
    writeFileSync(target, '');
    const { code, err } = await runBroch(['enclave', 'pack', folder, '--kms-key', key, '--out', target]);
    expect(err).toContain('exists');
    expect(code).toBe(2);
  });
});
