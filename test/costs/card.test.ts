import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays } from '../../functions/costs/bill.ts';
import {
  costChange,
  dailyCard,
  escapeCardText,
  MAX_CARD_BYTES,
  noticeCard,
  sparkline,
} from '../../functions/costs/card.ts';
import { sampleRuns } from '../trials.ts';
import { anyCostAmounts, anyTagValue, buildCostReport, type CostAmounts, exampleReportDate } from './bill-pages.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Node = { [key: string]: Json };

function nodes(value: Json): Node[] {
  if (Array.isArray(value)) return value.flatMap(nodes);
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(nodes)];
}

const read = (message: string) => JSON.parse(message) as Node;
const texts = (message: string, ...types: string[]) =>
  nodes(read(message)).flatMap(node =>
    types.includes(String(node.type)) && typeof node.text === 'string' ? [node.text] : [],
  );

/** What a Markdown reader, a card renderer or a chat client could take for more than text. */
const markup = /[[\]<>`*~{}|\\#!()$&"']|:\/\/|www\.(?!\u2060)|\p{C}(?<!\u2060)/u;

describe('a project name on the card', () => {
  it('shows any tag value as harmless text of bounded length', () => {
    fc.assert(
      fc.property(anyTagValue, value => {
        const safe = escapeCardText(value);
        expect(safe).not.toBe('');
        expect(safe.replace('(no name)', '')).not.toMatch(markup);
        expect(safe).not.toMatch(/\S[.:/@]\S(?<!\u2060)/u);
        expect([...safe.replaceAll('\u2060', '')].length).toBeLessThanOrEqual(40);
      }),
      { numRuns: sampleRuns(1000) },
    );
  });

  it('shows a project id unchanged', () => expect(escapeCardText('asthma-2')).toBe('asthma-2'));

  it('shows project names in text runs only, which have no Markdown', () => {
    fc.assert(
      fc.property(fc.array(anyTagValue, { minLength: 1, maxLength: 15 }), names => {
        const list: CostAmounts = names.map((name, index) => [exampleReportDate, name, `${index + 1}`]);
        const message = dailyCard(buildCostReport(list));
        const plain = dailyCard(
          buildCostReport(names.map((_, index) => [exampleReportDate, `project-${index}`, `${index + 1}`])),
        );
        const kinds = new Set(nodes(read(message)).map(({ type }) => type));
        const cardTypes = [
          'message',
          undefined,
          'AdaptiveCard',
          'ColumnSet',
          'Column',
          'TextBlock',
          'RichTextBlock',
          'TextRun',
        ];
        expect([...kinds].filter(kind => !cardTypes.includes(kind as string))).toEqual([]);
        expect(message).not.toMatch(/"(url|selectAction|actions|refresh|entities)":/);
        const distinct = new Set(names).size === names.length;
        if (distinct) expect(texts(message, 'TextBlock')).toEqual(texts(plain, 'TextBlock'));
      }),
      { numRuns: sampleRuns(300) },
    );
  });
});

describe('the daily card', () => {
  it('stays below the size that Teams accepts', () => {
    const long = fc.array(fc.tuple(fc.constant(exampleReportDate), anyTagValue, fc.constantFrom('1', '99999999.99')), {
      maxLength: 400,
    });
    fc.assert(
      fc.property(fc.oneof(anyCostAmounts, long), list => {
        expect(
          Buffer.byteLength(dailyCard(buildCostReport([[exampleReportDate, 'asthma', '1'], ...list]))),
        ).toBeLessThanOrEqual(MAX_CARD_BYTES);
      }),
    );
  });

  it('shows amounts that sum to the headline, to the cent', () => {
    fc.assert(
      fc.property(anyCostAmounts, list => {
        const message = dailyCard(buildCostReport(list));
        const rows = nodes(read(message)).filter(({ type }) => type === 'ColumnSet');
        const cost = rows.flatMap(row => {
          const [, middle, last] = row.columns as Node[];
          const [text] = last ? nodes((middle?.items ?? null) as Json).map(({ text }) => text) : [];
          return typeof text === 'string' && text.includes('.') ? [cents(text)] : [];
        });
        const headline = texts(message, 'TextBlock')[1] ?? '';
        expect(cost.reduce((sum, value) => sum + value, 0n)).toBe(cents(headline));
      }),
    );
  });

  it('has the form that a Teams workflow accepts', () =>
    expect(read(dailyCard(buildCostReport([[exampleReportDate, 'asthma', '1']])))).toMatchObject({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          contentUrl: null,
          content: { type: 'AdaptiveCard', version: '1.5', msteams: { width: 'Full' } },
        },
      ],
    }));

  it('always shows untagged costs, and marks provisional figures', () => {
    const cardTexts = texts(
      dailyCard(
        buildCostReport([
          [exampleReportDate, 'asthma', '3'],
          [exampleReportDate, '', '1'],
          [addDays(exampleReportDate, -1), 'asthma', '3'],
        ]),
      ),
      'TextBlock',
      'TextRun',
    );
    expect(cardTexts).toEqual(
      expect.arrayContaining(['untagged', '$1.00', '25% of the total', 'provisional', '$4.00']),
    );
    expect(cardTexts.join('\n')).toMatch(
      /Provisional: AWS may still add costs of .*Untagged costs belong to no project/s,
    );
    expect(texts(dailyCard(buildCostReport([[exampleReportDate, 'asthma', '3']])), 'TextBlock', 'TextRun')).toContain(
      'untagged',
    );
  });

  it('says why a day has no figures and what to do', () => {
    const message = noticeCard(exampleReportDate, 'Cost Explorer is not enabled. Open it once.');
    expect(texts(message, 'TextBlock', 'TextRun')).toEqual([
      'AWS cost of Thursday, 19 November 2026',
      'No figures',
      'Cost Explorer is not enabled. Open it once.',
    ]);
    expect(read(message)).toMatchObject({ type: 'message', attachments: [{ content: { version: '1.5' } }] });
  });

  it('adds up the smallest projects in one row', () => {
    const list: CostAmounts = Array.from({ length: 14 }, (_, index) => [
      exampleReportDate,
      `project-${index}`,
      `${index + 1}`,
    ]);
    expect(texts(dailyCard(buildCostReport(list)), 'TextBlock', 'TextRun')).toEqual(
      expect.arrayContaining(['others (4)', '$10.00']),
    );
  });
});

const cents = (text: string): bigint => BigInt(text.replaceAll(/[$,.]/g, ''));

describe('the change of a cost', () => {
  it.each([
    [110n, 100n, '▲ 10.0%', 'Attention'],
    [90n, 100n, '▼ 10.0%', 'Good'],
    [1005n, 1000n, '≈', 'Default'],
    [5n, 0n, '▲ new', 'Attention'],
    [0n, 0n, '–', 'Default'],
    [-5n, -1n, '–', 'Default'],
    [10_000n, 1n, '▲ >999%', 'Attention'],
    [5n, undefined, '', 'Default'],
  ])('shows %d after %s as %s', (amount, base, text, color) =>
    expect(costChange(amount, base)).toEqual({ text, color }),
  );
});

describe('the trend', () => {
  it.each([
    [[0n, 1n, 2n, 7n], '▁▂▃█'],
    [[0n, 0n], '▁▁'],
    [[-5n, 5n], '▁█'],
    [[-5n, -1n], '▁▁'],
  ])('draws the costs %s as %s', (values, line) => expect(sparkline(values).replaceAll('\u200a', '')).toBe(line));
});
