import { describe, expect, it } from 'vitest';
import { pathProblem } from '../../functions/storage/paths.ts';

describe('a path', () => {
  it.each([
    'a.csv',
    'sub folder/größe +%41.csv',
    '.hidden',
    'console.txt',
    'com10.csv',
    'nullable.csv',
    'a..b.csv',
    "it's.csv",
    '日本.csv',
  ])('%j is accepted', path => expect(pathProblem(path, 1024)).toBeUndefined());

  it.each([
    ['co:lon.txt', /Windows desktops cannot store/],
    ['q?.txt', /Windows desktops cannot store/],
    ['a*b/c.csv', /Windows desktops cannot store/],
    ['a|b', /Windows desktops cannot store/],
    ['dot.', /ends in a dot or a blank/],
    ['blank ', /ends in a dot or a blank/],
    ['folder./a.csv', /ends in a dot or a blank/],
    ['CON', /means a device/],
    ['sub/nul.csv', /means a device/],
    ['Com1.tar.gz', /means a device/],
    ['LPT²', /means a device/],
    ['aux .csv', /means a device/],
    ['C:/a.csv', /drive letter/],
    ['../a.csv', /leads out of its folder/],
  ])('%j is refused with the remedy', (path, reason) => expect(pathProblem(path, 1024)).toMatch(reason));
});
