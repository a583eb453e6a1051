import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sampleTrials } from './trials.ts';

const trials = fc.array(fc.array(fc.constantFrom('read', 'write', 'list', 'delete'), { maxLength: 3 }));

it('a sample of trials covers every kind, and each trial in it covers one that no earlier trial covers', () => {
  fc.assert(
    fc.property(trials, examples => {
      const sample = sampleTrials(examples, kinds => kinds);
      expect(new Set(sample.flat())).toEqual(new Set(examples.flat()));
      for (const [index, kinds] of sample.entries()) {
        const earlier = new Set(sample.slice(0, index).flat());
        expect(kinds.some(kind => !earlier.has(kind))).toBe(true);
      }
    }),
  );
});

it('a sample of trials is the same each time and keeps their order', () => {
  const examples = ['GetItem 1', 'GetItem 2', 'PutItem 1', 'GetItem 3', 'PutItem 2'];
  expect(sampleTrials(examples, name => [name.split(' ')[0] ?? ''])).toEqual(['GetItem 1', 'PutItem 1']);
});
