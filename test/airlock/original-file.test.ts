import { expect, it } from 'vitest';
import type { FileReport } from '../../disclosure/report.ts';
import { addOriginalFile } from '../../functions/airlock/steps/original-file.ts';

const report: FileReport = { path: 'p.png', sha256: '', type: 'image/png', policy: 'p', findings: [], ran: [] };
const original = { size: 9, sha256: '0'.repeat(64) };

it('asks for an explanation of a picture that was sealed as it was submitted', () => {
  const { findings, ran } = addOriginalFile({}, report, 'export');
  expect(findings).toMatchObject([{ rule: 'seal.original', action: 'ask' }]);
  expect(ran).toEqual(['seal.original']);
});

it.each([
  ['a picture that was written again', { original }, report, 'export'],
  ['a table, which is sealed as it is', {}, { ...report, type: 'text/csv' }, 'export'],
  ['an import', {}, report, 'import'],
] as const)('has no question about %s', (_, file, subject, direction) => {
  expect(addOriginalFile(file, subject, direction).findings).toEqual([]);
});

it('adds nothing to a file that is blocked', () => {
  const block: FileReport['findings'][number] = {
    rule: 'image.metadata',
    action: 'block',
    message: '',
    cells: [],
    count: 1,
  };
  const blockedReport = { ...report, findings: [block] };
  expect(addOriginalFile({}, blockedReport, 'export')).toEqual(blockedReport);
});
