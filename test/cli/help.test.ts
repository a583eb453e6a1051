import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { script } from '../../bin/cli/completion.ts';
import { commands, Globals } from '../../bin/cli/verbs.ts';
import { broch } from './harness.ts';

const names = commands.map(({ words }) => words.join(' '));
const nouns = [...new Set(commands.filter(({ words }) => words.length > 1).map(({ words }) => words[0] as string))];

describe('help', () => {
  it('names every command, the flags of all and the exit codes', async () => {
    const { code, out, err } = await broch(['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const [first = '', second = ''] of commands.map(({ words }) => words))
      expect(out).toMatch(new RegExp(`^  ${first} .*${second}`, 'm'));
    for (const word of ['--json', '--profile', '--as', 'Exit codes', 'Examples']) expect(out).toContain(word);
    expect((await broch([])).out).toBe(out);
    expect((await broch(['help'])).out).toBe(out);
  });
  it.each(nouns)('of %s lists its verbs with examples', async noun => {
    const { code, out } = await broch([noun, '--help']);
    expect(code).toBe(0);
    for (const name of names.filter(name => name.startsWith(`${noun} `))) expect(out).toContain(`broch ${name}`);
  });
  it.each(names)('of %s shows how to write it, every flag and an example', async name => {
    const { code, out, err } = await broch([...name.split(' '), '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Usage: broch ${name}`);
    expect(out).toContain('Examples');
    expect((await broch(['help', ...name.split(' ')])).out).toBe(out);
    for (const line of out.split('\n')) expect(line.length).toBeLessThan(200);
  });
});

/** What bash would offer after `line`, by running its script. */
function offered(line: string): string[] {
  const words = line.split(' ');
  const asked = `${script('bash', commands, Globals)}
compopt() { :; }
COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_broch
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['--norc', '-c', asked], { encoding: 'utf8' })
    .split('\n')
    .filter(word => word !== '');
}

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'] as const)('%s: the script is one the shell can read', shell => {
    const text = script(shell, commands, Globals);
    for (const noun of nouns) expect(text).toContain(noun);
    const tried = spawnSync(shell, ['-n'], { input: text, encoding: 'utf8' });
    // Where the shell is not installed there is nothing to ask.
    if (tried.error === undefined) expect(tried).toMatchObject({ status: 0, stderr: '' });
  });
  it.each<[string, string[]]>([
    ['broch proj', ['project']],
    ['broch project ', ['create', 'list', 'show', 'retry']],
    ['broch --profile main project sh', ['show']],
    ['broch workspace ask asthma --kind ', ['linux', 'windows']],
    ['broch workspace ask asthma --si', ['--size']],
    ['broch watch ', ['project', 'workspace', 'airlock', 'delivery']],
    ['broch project create --title ', []],
    ['broch deliver ', []],
  ])('bash: after `%s`', (line, expected) => expect(offered(line)).toEqual(expected));
});
