import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeTestFolder, runBroch } from './harness.ts';

describe('broch completion install', () => {
  it('makes a new bash complete broch, and is installed once however often it is repeated', async () => {
    const home = makeTestFolder();
    writeFileSync(join(home, '.bashrc'), 'alias ll="ls -l"');
    const env = { HOME: home, SHELL: '/usr/bin/bash' };
    const first = await runBroch(['completion', 'install'], env);
    expect(first).toMatchObject({ code: 0, output: expect.stringContaining(`${join(home, '.bashrc')} now loads it.`) });
    const installedOnce = readFileSync(join(home, '.bashrc'), 'utf8');
    expect(installedOnce).toMatch(/^alias ll="ls -l"\n/);
    await runBroch(['completion', 'install'], env);
    expect(readFileSync(join(home, '.bashrc'), 'utf8')).toBe(installedOnce);
    const { stdout } = spawnSync('bash', ['--rcfile', join(home, '.bashrc'), '-i', '-c', 'complete -p broch'], {
      env: { HOME: home, PATH: process.env.PATH },
      encoding: 'utf8',
    });
    expect(stdout).toBe('complete -F _broch broch\n');
  });

  it.each([
    ['zsh', '.local/share/broch/completion.zsh'],
    ['fish', '.config/fish/completions/broch.fish'],
  ])('writes the script for %s where that shell looks', async (shell, path) => {
    const home = makeTestFolder();
    const env = { HOME: home, XDG_CONFIG_HOME: '', SHELL: '' };
    expect((await runBroch(['completion', 'install', shell], env)).code).toBe(0);
    expect(readFileSync(join(home, path), 'utf8')).toBe((await runBroch(['completion', shell], env)).output);
    if (shell === 'zsh') expect(readFileSync(join(home, '.zshrc'), 'utf8')).toContain(path);
  });

  it('asks for the shell if it is unknown', async () => {
    const answer = await runBroch(['completion', 'install'], { HOME: makeTestFolder(), SHELL: '/bin/tcsh' });
    expect(answer).toMatchObject({ code: 2, err: expect.stringContaining('Name your shell') });
  });
});
