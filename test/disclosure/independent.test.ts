import { beforeAll, describe, expect, it } from 'vitest';
import { computeShare, type GuidanceOutcome, guidanceCases, judgeCase, listDisagreements } from './independent.ts';

/**
 * Tables judged by published guidance by somebody other than the author of the rules. That person wrote and
 * committed 192 of them before reading the rules: in the first run the rules had a precision of 0.889 and a recall of 0.688.
 * After the rules had been corrected, the person judged tables made to be hard (`later.json`) before they were run: 0.864 and
 * 0.655. After the next correction came everyday tables (`fresh.json`): 0.882 and 0.682. The rules have since been corrected
 * for all of these tables. So the figures below show only whether the rules still judge these tables as well as before. For
 * tables that nobody thought of, expect the figures of the first runs; that is why a person reviews whatever passes.
 */
const minimum = { precision: 1, recall: 0.979, rulePrecision: 0.99, ruleRecall: 0.99, cells: 0.99 };

const outcomes: GuidanceOutcome[] = [];
beforeAll(async () => {
  for (const guidanceCase of guidanceCases) outcomes.push(await judgeCase(guidanceCase));
});

const sum = (value: (outcome: GuidanceOutcome) => number) =>
  outcomes.reduce((total, outcome) => total + value(outcome), 0);

describe('tables that a person judged by published guidance', () => {
  it('number at least 290, nearly half of them safe, each with its source and its own title', () => {
    const safe = guidanceCases.filter(({ verdict }) => verdict.every(action => action === 'none' || action === 'warn'));
    expect(guidanceCases.length).toBeGreaterThanOrEqual(290);
    expect(safe.length / guidanceCases.length).toBeGreaterThan(0.45);
    expect(new Set(guidanceCases.map(({ title }) => title)).size).toBe(guidanceCases.length);
    expect(guidanceCases.filter(({ source }) => !/https:\/\/|http:\/\//.test(source))).toEqual([]);
  });

  it('get the same verdict from the rules, except where a disagreement is recorded as known', () => {
    const disagreements = outcomes.map(outcome => ({
      title: outcome.guidanceCase.title,
      differences: listDisagreements(outcome),
    }));
    const knownTitles = new Set(
      guidanceCases.filter(guidanceCase => guidanceCase.known !== undefined).map(({ title }) => title),
    );
    expect(disagreements.filter(({ title, differences }) => !knownTitles.has(title) && differences.length > 0)).toEqual(
      [],
    );
    // A table that the rules now judge as the guidance does must not be recorded as a known disagreement.
    expect(
      disagreements.filter(({ title, differences }) => knownTitles.has(title) && differences.length === 0),
    ).toEqual([]);
  });

  it('are judged by the rules with no less precision and recall than before', () => {
    const count = (expected: boolean, flagged: boolean) =>
      sum(outcome => (outcome.expected === expected && outcome.found === flagged ? 1 : 0));
    const precision = computeShare(count(true, true), count(false, true));
    const recall = computeShare(count(true, true), count(true, false));
    const rules = [...new Set(outcomes.flatMap(({ right, wrong, misses }) => [...right, ...wrong, ...misses]))].sort();
    const countOf = (rule: string, list: 'right' | 'wrong' | 'misses') =>
      sum(outcome => outcome[list].filter(name => name === rule).length);
    const [right, wrong, misses] = (['right', 'wrong', 'misses'] as const).map(list =>
      sum(outcome => outcome[list].length),
    ) as [number, number, number];
    const [cells, cellMisses] = [sum(outcome => outcome.cells.expected), sum(outcome => outcome.cells.missed.length)];
    const either = sum(({ expected }) => (expected === undefined ? 1 : 0));
    process.stdout.write(
      [
        `disclosure rules on ${guidanceCases.length} tables judged independently (${either} left to a reviewer's judgement):`,
        `  for a person or stopped, against passed: precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}`,
        `  rules: precision ${computeShare(right, wrong).toFixed(3)}, recall ${computeShare(right, misses).toFixed(3)}; cells found ${cells - cellMisses} of ${cells}`,
        ...rules.map(
          rule =>
            `  ${rule}: precision ${computeShare(countOf(rule, 'right'), countOf(rule, 'wrong')).toFixed(3)}, recall ${computeShare(countOf(rule, 'right'), countOf(rule, 'misses')).toFixed(3)} of ${countOf(rule, 'right') + countOf(rule, 'misses')}`,
        ),
        '',
      ].join('\n'),
    );
    expect(precision).toBeGreaterThanOrEqual(minimum.precision);
    expect(recall).toBeGreaterThanOrEqual(minimum.recall);
    expect(computeShare(right, wrong)).toBeGreaterThanOrEqual(minimum.rulePrecision);
    expect(computeShare(right, misses)).toBeGreaterThanOrEqual(minimum.ruleRecall);
    expect(computeShare(cells - cellMisses, cellMisses)).toBeGreaterThanOrEqual(minimum.cells);
  });
});
