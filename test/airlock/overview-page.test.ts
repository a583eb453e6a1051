import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addNavigation, type ListedFile, overview } from '../../functions/airlock/overview-page.ts';
import { makeTestFolder, runBroch } from '../cli/harness.ts';
import { buildPreviewFiles, buildPreviewRequest } from '../disclosure/preview/asked.ts';
import { expectInert } from '../disclosure/preview/pages.ts';
import { sampleRuns } from '../trials.ts';

describe('the overview page of a request', () => {
  it('shows its groups, its files with those with findings first, and the votes that may be seen', () => {
    const html = overview(buildPreviewRequest(), buildPreviewFiles());
    expectInert(html, ['a']);
    expect(html.indexOf('tables/one.csv')).toBeLessThan(html.indexOf('clean.csv'));
    for (const title of [
      'al-0011223344556677, round 2',
      'ab'.repeat(32),
      '2 must agree',
      'For the paper.',
      '1 finding: sdc.minimum-count',
      'in part',
      'not fetched',
      'To reviewers only',
      'None are said to have been applied.',
    ])
      expect(html).toContain(title);
    expect(overview({ ...buildPreviewRequest(), votes: [] }, buildPreviewFiles())).toContain('None that you may see');
    expect(overview({ ...buildPreviewRequest(), votes: undefined }, buildPreviewFiles())).not.toContain('Votes');
  });

  it('lists files with findings first across groups, each with its group', () => {
    const [cleanFile, gravestFile, unfetchedFile] = buildPreviewFiles() as [ListedFile, ListedFile, ListedFile];
    const html = overview(buildPreviewRequest(), [cleanFile, unfetchedFile, { ...gravestFile, group: 1 }]);
    expect(html.indexOf('tables/one.csv')).toBeLessThan(html.indexOf('clean.csv'));
    expect(html).toContain('<td data-label="Group">Figures</td>');
    expect(html).toContain('<title>For the paper., al-0011223344556677</title>');
  });

  it('shows earlier rounds with their comments, and what changed since', () => {
    const [vote] = buildPreviewRequest('Round the counts.').votes ?? [];
    const round = { round: 1, outcome: 'returned', at: '2026-11-01T10:00:00.000Z', votes: vote ? [vote] : [] } as const;
    const earlier = [
      { ...round, changes: [{ path: 'tables/one.csv', change: 'changed' }] },
      { ...round, changes: [] },
      { ...round, changes: undefined },
    ] as const;
    const html = overview(buildPreviewRequest(), buildPreviewFiles(), earlier);
    expectInert(html, ['a']);
    for (const text of [
      'Round 1: returned',
      'Round the counts.',
      'changed tables/one.csv',
      'the same as now',
      'cannot be compared',
    ])
      expect(html).toContain(text);
  });

  it('links each page to the pages around it', () => {
    const page = addNavigation('<html><body><header>x</header></body></html>', {
      index: '../index.html',
      next: '00002.html',
    });
    expect(page).toBe(
      '<html><body><nav><a href="../index.html">All files</a><a href="00002.html">Next file →</a></nav><header>x</header></body></html>',
    );
  });

  it('links only to its own pages, whatever text the request contains', () => {
    const bit = fc.constantFrom('<script>', '"', "'", '<a href=x>', '</style>', 'javascript:', '\u202e', '&', '\n');
    fc.assert(
      fc.property(fc.array(fc.oneof(bit, fc.string({ unit: 'binary' })), { minLength: 1, maxLength: 5 }), bits => {
        const title = bits.join('').toWellFormed();
        const html = overview(buildPreviewRequest(title), buildPreviewFiles(title));
        expectInert(html, ['a']);
        expect([...html.matchAll(/<a ([^>]*)>/g)].map(([, attributes]) => attributes)).toEqual([
          'href="files/00002.html"',
          'href="files/00001.html"',
        ]);
      }),
      { numRuns: sampleRuns(200) },
    );
  });
});

describe('a vote based on downloaded previews', () => {
  const overview = {
    project: 'asthma',
    request: 'al-0011223344556677',
    round: 1,
    seal: 'ab'.repeat(32),
    files: 2,
    shown: ['a'],
    partly: [],
  };
  const vote = (look: string, ...otherLooks: string[]) =>
    runBroch([
      'airlock',
      'review',
      'asthma',
      'al-0011223344556677',
      '--verdict',
      'approve',
      '--seen',
      look,
      ...otherLooks,
    ]);

  it.each([
    ['of another request', { ...overview, request: 'al-ffffffffffffffff' }, 3, 'shows request al-ffffffffffffffff'],
    ['of another project', { ...overview, project: 'other' }, 3, 'of project other'],
    ['of a part of the files', overview, 3, 'no page for 1 of the files'],
    ['in no known format', { a: 1 }, 2, 'was not written by'],
  ])('is refused before any call to the API if the previews are %s', async (_, content, code, message) => {
    const folder = makeTestFolder();
    writeFileSync(join(folder, 'seen.json'), JSON.stringify(content));
    expect(await vote(folder)).toMatchObject({ code, err: expect.stringContaining(message) });
  });

  it('takes exactly one statement of what was reviewed', async () => {
    expect((await vote(makeTestFolder(), '--seal', 'ab'.repeat(32))).code).toBe(2);
    expect((await runBroch(['airlock', 'review', 'asthma', 'al-0011223344556677', '--verdict', 'approve'])).code).toBe(
      2,
    );
    expect((await vote('/nonexistent')).code).toBe(2);
  });
});
