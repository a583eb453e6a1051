import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  escapeForTerminal,
  formatBytes,
  formatMicros,
  formatRecord,
  formatRecords,
  formatTime,
} from '../../bin/cli/output.ts';
import { formatDuration, formatTransferProgress } from '../../bin/cli/progress.ts';
import { type OutputShape, pageItemShape, toOutputShape } from '../../bin/cli/shape.ts';
import { routes } from '../../functions/api/routes.ts';
import { BytesResponse } from '../../functions/http/route.ts';

const plain = { width: undefined };
const itemsOf = (schema: z.ZodType) => pageItemShape(toOutputShape(schema)) as OutputShape;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come out
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c\u2028\u2029\ufeff]/;

describe('text of other people', () => {
  it('cannot move the cursor, change colours, reverse the line or hide', () => {
    expect(escapeForTerminal('a\u001b[2Jb')).toBe('a\\x1b[2Jb');
    expect(escapeForTerminal('invoice\u202efdp.exe')).toBe('invoice\\u202efdp.exe');
    expect(escapeForTerminal('Ærø 日本 🏰.csv')).toBe('Ærø 日本 🏰.csv');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(escapeForTerminal(text)).not.toMatch(unsafe);
      }),
    );
  });
  it('stays in its cell, whatever it contains', () => {
    const items = itemsOf(z.object({ items: z.array(z.object({ id: z.string(), reason: z.string().optional() })) }));
    const hostile = fc.record({ id: fc.string({ unit: 'binary' }), reason: fc.string({ unit: 'binary' }) });
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 5 }), rows => {
        const lines = formatRecords(rows, items, plain).split('\n');
        expect(lines).toHaveLength(rows.length + 1);
        for (const line of lines) expect(line).not.toMatch(unsafe);
      }),
    );
  });
});

describe('figures', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1_234_567, '1.2 MB'],
    [999_999_999, '1.0 GB'],
    [123_456_789, '123 MB'],
    [45_600_000_000, '46 GB'],
  ])('%i bytes are %s', (count, text) => expect(formatBytes(count)).toBe(text));
  it.each([
    ['0', 'USD', '$0.00'],
    ['1234567890', 'USD', '$1,234.57'],
    ['-4999', 'USD', '$0.00'],
    ['5000', 'GBP', '£0.01'],
    ['123456789012345678901234', 'USD', '$123,456,789,012,345,678.90'],
    ['1500000', '', '1.50'],
  ])('%s of %s is %s', (micros, currency, text) =>
    expect(formatMicros(micros, currency).replace('-$0.00', '$0.00')).toBe(text),
  );
  it('shows times in local time, so that they sort as text', () => {
    expect(formatTime('2026-11-20T09:05:07.123Z')).toMatch(
      /^2026-11-(19|20|21) \d\d:\d\d:07 [A-Z]{2,5}([+-]\d{1,2}(:\d\d)?)?$/,
    );
    expect(formatTime('not a time\u001b')).toBe('not a time\\x1b');
  });
  it('shows durations and progress in everyday units', () => {
    expect([
      formatDuration(4.4),
      formatDuration(75),
      formatDuration(7300),
      formatDuration(Number.POSITIVE_INFINITY),
    ]).toEqual(['4 s', '1 min 15 s', '2 h 1 min', 'unknown']);
    expect(formatTransferProgress({ files: 1, bytes: 500 }, { files: 4, bytes: 2000 }, 500, 1)).toBe(
      '1 of 4 files, 500 B of 2.0 kB, 500 B/s, 3 s left',
    );
    expect(formatTransferProgress({ files: 0, bytes: 0 }, { files: 4, bytes: 2000 }, 0, 0)).toBe(
      '0 of 4 files, 0 B of 2.0 kB',
    );
  });
});

const common = {
  project: 'asthma',
  owner: 'b1c2',
  ownerName: 'rana',
  kind: 'desktop',
  size: 'small',
  requestedAt: '2026-11-20T09:00:00.000Z',
};
const workspaces = [
  {
    status: 'ready',
    id: 'ws-001122334455',
    ...common,
    instanceId: 'i-1',
    address: '10.0.0.4',
    imageId: 'ami-1',
    readyAt: '2026-11-20T09:01:00.000Z',
  },
  {
    status: 'failed',
    id: 'ws-001122334456',
    ...common,
    reason: 'no image\nis approved',
    failedAt: '2026-11-20T09:01:00.000Z',
  },
];

describe('tables', () => {
  const shape = itemsOf(routes.listWorkspaces.returns);
  it('show the fields of every status and the reason, names instead of ids, and ids in full', () => {
    const [head = '', ...rows] = formatRecords(workspaces, shape, plain).split('\n');
    expect(head).toMatch(/^id +status +project +owner +kind +size +requested .*reason$/);
    expect(rows).toHaveLength(2);
    expect(rows[1]).toMatch(/ws-001122334456 +failed +asthma +rana .*no image\\x0ais approved$/);
  });
  it('become blocks when the terminal is too narrow, and nothing is cut', () => {
    const text = formatRecords(workspaces, shape, { width: 60 });
    expect(text).toContain('ws-001122334455');
    expect(text.split('\n\n')).toHaveLength(2);
  });
  it('say that there is nothing to show', () => expect(formatRecords([], shape, plain)).toBe('Nothing to show.'));
  it('align money and counts on the right', () => {
    const report = {
      date: '2026-11-19',
      revision: 1,
      currency: 'USD',
      totalMicros: '1234500000',
      projects: [
        { project: 'asthma', amountMicros: '1200000000' },
        { project: 'zoster', amountMicros: '34500000' },
      ],
      status: 'sent',
    };
    const text = formatRecord(report, toOutputShape(routes.showReport.returns), plain);
    expect(text).toMatch(/total +\$1,234\.50/);
    expect(text).toMatch(/\n {2}asthma +\$1,200\.00\n {2}zoster +\$34\.50/);
  });
});

describe('every route', () => {
  it.each(Object.entries(routes).filter(([, { returns }]) => returns !== BytesResponse))(
    '%s returns something that can be shown',
    (_, { returns }) => {
      const shape = toOutputShape(returns);
      expect(shape.kind).toBe('record');
      expect(formatRecord({}, shape, plain)).toBeTypeOf('string');
      const items = pageItemShape(shape);
      if (items) expect(formatRecords([{}], items, plain)).toBeTypeOf('string');
    },
  );
});
