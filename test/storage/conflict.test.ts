import { describe, expect, it } from 'vitest';
import { retryConflicts } from '../../functions/storage/conflict.ts';
import { readSource, typeScriptFiles } from '../house/sources.ts';

const errorNamed = (name: string) => Object.assign(new Error('refused'), { name });

/** A write that S3 answers with these errors, one after the other, before it succeeds. */
function writeAfter(errors: readonly Error[]) {
  let count = 0;
  const write = async () => {
    const error = errors[count++];
    if (error) throw error;
    return 'written';
  };
  return { write, attempts: () => count };
}

describe('a conditional write that meets another', () => {
  it('is made again', async () => {
    const { write, attempts } = writeAfter([
      errorNamed('ConditionalRequestConflict'),
      errorNamed('ConditionalRequestConflict'),
    ]);
    expect(await retryConflicts(write, 1)).toBe('written');
    expect(attempts()).toBe(3);
  });

  it('fails after five attempts', async () => {
    const { write, attempts } = writeAfter(Array.from({ length: 9 }, () => errorNamed('ConditionalRequestConflict')));
    await expect(retryConflicts(write, 1)).rejects.toThrow('refused');
    expect(attempts()).toBe(5);
  });

  it.each(['PreconditionFailed', 'AccessDenied', 'NoSuchUpload'])('is not made again after %s', async name => {
    const { write, attempts } = writeAfter([errorNamed(name)]);
    await expect(retryConflicts(write, 1)).rejects.toThrow('refused');
    expect(attempts()).toBe(1);
  });

  it('is retried wherever a write has a condition', () => {
    const writers = typeScriptFiles.filter(
      file => /^functions\//.test(file) && /\bIf(None)?Match:/.test(readSource(file)),
    );
    expect(writers.length).toBeGreaterThan(0);
    for (const file of writers) expect(readSource(file), file).toContain('retryConflicts(');
  });
});
