import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { makeSafetensors } from './builders.ts';
import { buildCheckedFile, buildSource } from './files.ts';

const tensor = { w: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } };

async function check(path: string, content: string | Uint8Array) {
  const { findings } = await checkFile(buildCheckedFile(path, content), buildSource(content, 4096), policyFor(2), []);
  return { rules: [...new Set(findings.map(({ rule }) => rule))].sort(), findings };
}

describe('the check of tensors and texts that are unsafe', () => {
  it.each<[string, string, string | Uint8Array, string[]]>([
    ['safetensors', 'm.safetensors', makeSafetensors(tensor), ['model.weights']],
    [
      'safetensors with more bytes after the end',
      'm.safetensors',
      makeSafetensors(tensor, new Uint8Array(9)),
      ['type.unreadable'],
    ],
    [
      'safetensors with a gap in the data',
      'm.safetensors',
      makeSafetensors({ w: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }),
      ['type.unreadable'],
    ],
    [
      'encoded data in a log',
      'a.log',
      `start\n${Buffer.from(Array.from({ length: 900 }, (_, index) => (index * 89) % 256)).toString('base64')}\n`,
      ['text.encoded'],
    ],
    ['a very long line', 'a.log', 'word '.repeat(2000), ['text.long-line']],
    ['a formula', 't.csv', 'region,n\n=cmd|calc,40\nB,50\n', ['table.formula']],
    ['rows with more cells than the heading', 't.csv', 'region,n\nA,40,1\nB,50\n', ['table.ragged']],
    ['NUL bytes in a text', 't.csv', `region,n\n${'A,40\n'.repeat(20_000)}\0\0`, ['type.unreadable']],
  ])('reports %s', async (_, path, content, expected) => {
    const { rules, findings } = await check(path, content);
    expect(rules, JSON.stringify(findings)).toEqual(expect.arrayContaining(expected));
    expect(
      rules.filter(
        rule => !expected.includes(rule) && !['type.mismatch', 'type.refused', 'sdc.zero-cells'].includes(rule),
      ),
    ).toEqual([]);
  });
});
