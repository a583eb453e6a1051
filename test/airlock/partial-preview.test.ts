import { expect, it } from 'vitest';
import { memorySource } from '../../disclosure/byte-source.ts';
import { check } from '../../disclosure/check.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { addPartialPreview } from '../../functions/airlock/steps/partial-preview.ts';
import { isPartial } from '../../functions/airlock/steps/request-report.ts';

const table = (rows: number) => `region,mean_age\n${'north,41\n'.repeat(rows)}`;

async function reportOn(content: string, direction: 'export' | 'import') {
  const bytes = Buffer.from(content);
  const file = {
    path: 'table.csv',
    size: bytes.length,
    sha256: '0'.repeat(64),
    type: 'text/csv',
    kind: 'table',
    group: 0,
  } as const;
  const source = memorySource(bytes);
  const { report } = await check(file, source, policyFor(1, direction));
  return addPartialPreview(file, report, source, direction);
}

it('asks for an explanation of an export that its page shows only in part, and counts what is missing', async () => {
  const report = await reportOn(table(500), 'export');
  expect(report.findings).toContainEqual(
    expect.objectContaining({
      rule: 'preview.partial',
      action: 'ask',
      message: expect.stringContaining('301 of 501 rows'),
    }),
  );
  expect(isPartial(report)).toBe(true);
});

it('finds nothing on a file that its page shows whole', async () => {
  const report = await reportOn(table(100), 'export');
  expect(report.findings.map(({ rule }) => rule)).not.toContain('preview.partial');
  expect(report.ran).toContain('preview.partial');
  expect(isPartial(report)).toBe(false);
});

it('only warns of an import, which discloses nothing of the project', async () => {
  const report = await reportOn(table(500), 'import');
  expect(report.findings).toContainEqual(expect.objectContaining({ rule: 'preview.partial', action: 'warn' }));
  expect(isPartial(report)).toBe(false);
});

it('draws no page of a file that is blocked', async () => {
  const report = await reportOn(`%PDF-1.7\n${'x'.repeat(100)}`, 'export');
  expect(report.findings[0]?.action).toBe('block');
  expect(report.ran).not.toContain('preview.partial');
});
