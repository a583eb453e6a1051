import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeTestFolder, runBroch } from '../cli/harness.ts';
import { expectInert } from './preview/pages.ts';

function makeResults(files: Record<string, string>): string {
  const folder = join(makeTestFolder(), 'results');
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}
const clean = 'region,n\nNorth,300\nSouth,400\n';
const small = 'region,n\nNorth,3\nSouth,40\nEast,120\n';

it('the command exits with 0 when no file in the folder is blocked', async () => {
  const {
    code,
    output: stdout,
    err,
  } = await runBroch(['disclosure', 'check', makeResults({ 'a.csv': clean, 'b/r.md': '# Notes\n' })]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(stdout).toContain('2 checked, 2 without findings, 0 with findings, 0 blocked.');
});

it('the command exits with 1 and names file, place and reason when a file is blocked', async () => {
  const folder = makeResults({ 'a.csv': clean, 'tables/small.csv': small });
  symlinkSync('a.csv', join(folder, 'link.csv'));
  const { code, output: stdout } = await runBroch(['disclosure', 'check', folder]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^tables\/small\.csv\n {2}Blocked \(sdc\.minimum-count\): .*below 10.*\n {6}at B2 = 3\n/);
  expect(stdout).toContain('Not checked: link.csv. It is a symbolic link.');
});

it('the command prints the reports as JSON and nothing else with --json', async () => {
  const {
    code,
    output: stdout,
    err,
  } = await runBroch(['disclosure', 'check', makeResults({ 'a.csv': small }), '--json']);
  expect({ code, err }).toEqual({ code: 1, err: '' });
  expect(JSON.parse(stdout)).toMatchObject({
    blocked: true,
    files: [{ path: 'a.csv', type: 'text/csv', findings: [{ rule: 'sdc.minimum-count', action: 'block' }] }],
  });
});

it('the command checks more strictly at a higher tier', async () => {
  const folder = makeResults({ 'a.csv': 'region,n\nNorth,7\nSouth,40\nEast,120\n' });
  expect((await runBroch(['disclosure', 'check', folder, '--tier', '1'])).code).toBe(0);
  expect((await runBroch(['disclosure', 'check', folder, '--tier', '2'])).code).toBe(1);
});

it('the command compares the tables of the folder with each other and with those released earlier', async () => {
  const stdout = clean.replace('300', '301');
  const edited = await runBroch(['disclosure', 'check', makeResults({ 'a.csv': clean, 'b.csv': stdout })]);
  expect(edited.output).toContain('sdc.differencing');
  const folder = makeResults({ 'a.csv': clean });
  expect((await runBroch(['disclosure', 'check', folder])).output).not.toContain('sdc.differencing');
  const earlier = makeResults({ 'then.csv': stdout });
  const { code, output: comparison } = await runBroch(['disclosure', 'check', folder, '--earlier', earlier]);
  expect(code).toBe(1);
  expect(comparison).toContain('sdc.differencing');
  expect(comparison).toContain('then.csv');
});

it('the command writes its report as one self-contained HTML page without scripts', async () => {
  const folder = makeResults({ 'a.csv': clean, '<img src=x>.csv': small });
  const html = join(folder, '..', 'report.html');
  const { code, err } = await runBroch(['disclosure', 'check', folder, '--html', html]);
  expect(code).toBe(1);
  expect(err).toContain('report.html');
  const page = readFileSync(html, 'utf8');
  expectInert(page);
  expect(page).toContain('2 files, 1 with findings');
  expect(page).toContain('class="block"');
  expect(page).toContain('prefers-color-scheme:dark');
});

it.each([[[]], [['/nonexistent/results']], [['.', '--tier', '4']], [['.', '--teir', '2']]])(
  'the command exits with 2 for the arguments %j, which it does not understand',
  async words => {
    const { code, err } = await runBroch(['disclosure', 'check', ...words]);
    expect(code).toBe(2);
    expect(err).toContain('broch disclosure check --help');
  },
);

it('the rewrite command writes a notebook as it would be sealed, and never over a file', async () => {
  const folder = makeResults({
    'a.ipynb': '{"nbformat": 4, "cells": [] , "nbformat_minor": 5,"metadata": {}}',
    'a.csv': clean,
  });
  const [notebook, target] = [join(folder, 'a.ipynb'), join(folder, 'sealed.ipynb')];
  expect(await runBroch(['disclosure', 'rewrite', notebook, target])).toMatchObject({ code: 0, err: '' });
  expect(readFileSync(target, 'utf8')).toBe(
    '{\n "cells": [],\n "metadata": {},\n "nbformat": 4,\n "nbformat_minor": 4\n}\n',
  );
  const repetition = await runBroch(['disclosure', 'rewrite', notebook, target]);
  expect(repetition.err).toContain('already exists');
  const table = await runBroch(['disclosure', 'rewrite', join(folder, 'a.csv'), join(folder, 'b.csv')]);
  expect(table.err).toContain('seals');
});
