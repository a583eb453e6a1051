import { describe, expect, it } from 'vitest';
import type { Request } from '../../functions/airlock/request/request.ts';
import { requestView } from '../../functions/airlock/request/request-view.ts';
import { buildAirlockConfig, buildPerson, buildRequestInReview, rana } from './builders.ts';

const nina = buildPerson('nina', 'researcher');
const facts = { rules: buildAirlockConfig(), members: ['rana'], reviewers: [], candidates: [] };
const finding = {
  path: 'wards.csv',
  file: 4,
  rule: 'sdc.minimum-count',
  action: 'block' as const,
  says: 'A count in “wards” is below 10.',
  cells: [{ sheet: 'wards', row: 2, column: 3, value: '7' }],
};
const requestOf = (direction: 'export' | 'import') => {
  const request = buildRequestInReview(facts);
  if (!('report' in request)) throw new Error('it has no report');
  return { ...request, direction, report: { ...request.report, findings: 1, first: [finding] } } as Request;
};

describe('a member sees of a finding', () => {
  it('the rule, the number of the file, the row and the column, and where the full report is', () => {
    const { report, fullReport } = requestView(requestOf('export'), nina, 'project');
    expect(fullReport).toMatch(/^data\/reports\/al-[0-9a-f]{16}\/round-\d+\.html$/);
    expect(report?.first).toEqual([
      {
        path: 'file 4',
        file: 4,
        rule: 'sdc.minimum-count',
        action: 'block',
        says: `See ${fullReport}.`,
        cells: [{ row: 2, column: 3, value: '' }],
      },
    ]);
  });

  it('of an import, whom to ask: the project has no full report on it', () => {
    const { report, fullReport } = requestView(requestOf('import'), nina, 'project');
    expect(fullReport).toBeUndefined();
    expect(report?.first[0]?.says).toBe(`Ask ${rana.name}, who uploaded the files.`);
    expect(JSON.stringify(report)).not.toContain('wards');
  });

  it('everything, of an import that the member uploaded', () => {
    expect(requestView(requestOf('import'), rana, 'project').report?.first).toEqual([finding]);
  });
});
