import { expect, it } from 'vitest';
import { extentOfPages } from '../../bin/cli/airlock-review.ts';

const partly = { partly: ['table.csv'] };

it('refuses to approve pages that show a file only in part, unless the reviewer says so', () => {
  expect(() => extentOfPages('./look', partly, 'approve', undefined)).toThrow(/table\.csv.*--extent part/);
  expect(extentOfPages('./look', partly, 'approve', 'part')).toBe('part');
  expect(extentOfPages('./look', partly, 'approve', 'whole')).toBe('whole');
});

it('says that all was seen where every page shows the whole of its file', () => {
  expect(extentOfPages('./look', { partly: [] }, 'approve', undefined)).toBe('whole');
});

it('asks nothing of a vote that approves nothing', () => {
  expect(extentOfPages('./look', partly, 'reject', undefined)).toBeUndefined();
});
