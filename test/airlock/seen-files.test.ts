import { expect, it } from 'vitest';
import { findUnseenFiles } from '../../functions/airlock/seen-files.ts';

const firstPage = { part: 1, row: 1, column: 1, character: 1 };
async function* listTestViews(...views: (readonly [path: string, start?: Partial<typeof firstPage>])[]) {
  for (const [path, start] of views) yield { path, details: { ...firstPage, ...start } };
}
const paths = ['a.csv', 'b.csv', 'c.csv'];

it('names the files that were not opened', async () => {
  expect(await findUnseenFiles(paths, [], listTestViews(['a.csv'], ['c.csv', { row: 201 }]))).toEqual(['b.csv']);
});

it('names no file when all were opened', async () => {
  expect(await findUnseenFiles(paths, [], listTestViews(['c.csv'], ['a.csv'], ['b.csv']))).toEqual([]);
});

it.each(['part', 'row', 'column', 'character'])(
  'wants a page from a later %s of a file that its page shows in part',
  async name => {
    const firstViews = ['a.csv', 'b.csv', 'c.csv'].map(path => [path] as const);
    expect(await findUnseenFiles(paths, ['b.csv'], listTestViews(...firstViews))).toEqual(['b.csv']);
    expect(await findUnseenFiles(paths, ['b.csv'], listTestViews(...firstViews, ['b.csv', { [name]: 41 }]))).toEqual(
      [],
    );
  },
);

it('reads no more views than it needs', async () => {
  async function* views() {
    yield* listTestViews(['a.csv']);
    throw new Error('one view too many was read');
  }
  expect(await findUnseenFiles(['a.csv'], [], views())).toEqual([]);
});
