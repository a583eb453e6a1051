import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { completionScript } from '../../bin/cli/completion.ts';
import { cliCommands, GlobalFlags } from '../../bin/cli/verbs.ts';
import { makeTestFolder, runBroch } from './harness.ts';

const names = cliCommands.map(({ words }) => words.join(' '));
const nouns = [...new Set(cliCommands.filter(({ words }) => words.length > 1).map(({ words }) => words[0] as string))];

describe('help', () => {
  it('names every command that is no step of another, the flags of all and the exit codes', async () => {
    const { code, output, err } = await runBroch(['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const [first = '', second = ''] of cliCommands.flatMap(({ words, stepOf }) => (stepOf ? [] : [words])))
      expect(output).toMatch(new RegExp(`^  ${first} .*${second}`, 'm'));
    for (const word of ['--json', '--profile', '--as', 'Exit codes', 'Examples']) expect(output).toContain(word);
    expect(output).not.toContain(' , ');
    expect((await runBroch([])).output).toBe(output);
    expect((await runBroch(['help'])).output).toBe(output);
  });
  it.each(nouns)('of %s lists its verbs with examples', async noun => {
    const { code, output } = await runBroch([noun, '--help']);
    expect(code).toBe(0);
    for (const name of names.filter(name => name.startsWith(`${noun} `))) expect(output).toContain(`broch ${name}`);
  });
  it.each(names)('of %s shows how to write it, every flag and an example', async name => {
    const { code, output, err } = await runBroch([...name.split(' '), '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(output).toContain(`Usage: broch ${name}`);
    expect(output).toContain('Examples');
    expect(output).not.toContain('[object');
    expect((await runBroch(['help', ...name.split(' ')])).output).toBe(output);
    for (const line of output.split('\n')) expect(line.length).toBeLessThan(200);
  });
});

/** What bash would offer after `line`, by running its script. */
function completions(line: string): string[] {
  const words = line.split(' ');
  const script = `${completionScript('bash', cliCommands, GlobalFlags)}
compopt() { :; }
COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_broch
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8' })
    .split('\n')
    .filter(word => word !== '');
}

describe('completion', () => {
  const folder = makeTestFolder(afterAll);
  it.each(['bash', 'zsh', 'fish'] as const)('%s: the script is one the shell can read', shell => {
    const text = completionScript(shell, cliCommands, GlobalFlags);
    for (const noun of nouns) expect(text).toContain(noun);
    const file = join(folder, shell);
    writeFileSync(file, text);
    const tried = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    // Where the shell is not installed there is nothing to ask.
    if (tried.error === undefined) expect(tried).toMatchObject({ status: 0, stderr: '' });
  });
  it.each<[string, string[]]>([
    ['broch proj', ['project']],
    ['broch project ', ['create', 'list', 'show', 'retry']],
    ['broch --profile main project sh', ['show']],
    ['broch workspace ask asthma --kind ', ['desktop', 'notebook', 'gpu', 'windows']],
    ['broch workspace ask asthma --si', ['--size']],
    ['broch watch ', ['project', 'workspace', 'airlock', 'job', 'delivery']],
    ['broch project create --title ', []],
    ['broch deliver ', []],
  ])('bash: after `%s`', (line, expected) => expect(completions(line)).toEqual(expected));
});
