import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareFileLists, parseFileList, sliceList } from '../../functions/ingest/catalogue.ts';
import type { DatasetFile } from '../../functions/ingest/schemas.ts';
import { formatSortedManifest } from '../../functions/storage/chunks.ts';
import { toSha256Hex } from './delivery.ts';

const file = (path: string, content: string): DatasetFile => ({ path, sha256: toSha256Hex(content) });
const anyList = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[a-zé /]{1,6}$/u), fc.constantFrom('1', '2')), {
    maxLength: 12,
    selector: ([path]) => path,
  })
  .map(entries => entries.map(([path, content]) => file(path, content)));

describe('the list of files of a version', () => {
  it('is read as it was written, with blanks and other scripts in paths', () => {
    fc.assert(
      fc.property(anyList, files => {
        const text = formatSortedManifest(files.map(({ path, sha256 }) => ({ path, sha256, target: path })));
        const byPath = (a: DatasetFile, b: DatasetFile) => (a.path < b.path ? -1 : 1);
        expect(parseFileList(text).sort(byPath)).toEqual([...files].sort(byPath));
      }),
    );
  });

  it.each([`${'a'.repeat(64)}  a.csv`, 'no checksum\n', `${'a'.repeat(64)} a.csv\n`, '\n'])(
    'fails on a damaged list: %j',
    text => expect(() => parseFileList(text)).toThrow(/cut short|damaged/),
  );
});

describe('the comparison of two versions', () => {
  it('names what was added, changed and removed, by path', () => {
    const earlier = [file('a.csv', '1'), file('b.csv', '1'), file('c.csv', '1')];
    const laterList = [file('b.csv', '2'), file('c.csv', '1'), file('d.csv', '1')];
    expect(compareFileLists(earlier, laterList)).toEqual([
      { path: 'a.csv', change: 'removed' },
      { path: 'b.csv', change: 'changed' },
      { path: 'd.csv', change: 'added' },
    ]);
  });

  it('turns the earlier version into the later one', () => {
    fc.assert(
      fc.property(anyList, anyList, (earlier, laterList) => {
        const result = new Map(earlier.map(({ path, sha256 }) => [path, sha256]));
        const target = new Map(laterList.map(({ path, sha256 }) => [path, sha256]));
        for (const { path, change } of compareFileLists(earlier, laterList)) {
          expect([result.has(path), target.has(path)]).toEqual([change !== 'added', change !== 'removed']);
          if (change === 'removed') result.delete(path);
          else result.set(path, target.get(path) ?? '');
        }
        expect(result).toEqual(target);
        expect(compareFileLists(laterList, laterList)).toEqual([]);
      }),
    );
  });
});

describe('a page of a list', () => {
  it('is followed to the end without a gap or a repeat', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.integer({ min: 1, max: 7 }), (items, limit) => {
        const read: number[] = [];
        let next: string | undefined;
        do {
          const page = sliceList(items, { limit, next });
          read.push(...page.items);
          next = page.next;
        } while (next !== undefined);
        expect(read).toEqual(items);
      }),
    );
  });

  it.each(['0', '-1', '0x10', '1e3', 'abc', '12345678', ' 1'])('refuses the page token %j', next =>
    expect(() => sliceList([1, 2, 3], { next })).toThrow(/was not issued by this API/),
  );
});
