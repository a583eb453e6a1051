import { describe, expect, it } from 'vitest';
import { expectedPcr3, expectedPcr16, manifestDigest, manifestText } from '../../functions/enclaves/manifest.ts';
import { RunManifest } from '../../functions/enclaves/schemas.ts';
import { manifest } from './runs.ts';

/** The same object with its keys the other way round, at every depth. */
const reversed = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(reversed)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .toReversed()
            .map(([key, item]) => [key, reversed(item)]),
        )
      : value;

describe('the manifest of a run', () => {
  it('has one canonical form, whatever the order of its keys', () => {
    expect(manifestText(manifest)).toMatch(/^\{"artefact":\{"bytes":1000,"key":/);
    expect(manifestDigest(RunManifest.parse(reversed(manifest)))).toBe(manifestDigest(manifest));
  });

  it.each<[string, (change: RunManifest) => unknown]>([
    ['the artefact', change => ({ ...change, artefact: { ...change.artefact, sha256: '0'.repeat(64) } })],
    ['an input', change => ({ ...change, inputs: change.inputs.map(input => ({ ...input, bytes: 1 })) })],
    ['the loader', change => ({ ...change, loader: { ...change.loader, pcr1: '1'.repeat(96) } })],
    ['the output limits', change => ({ ...change, outputs: { ...change.outputs, maxFiles: 4 } })],
    ['the nonce', change => ({ ...change, nonce: '2'.repeat(64) })],
    ['its validity', change => ({ ...change, notAfter: '2030-01-01T00:00:00.000Z' })],
  ])('has another digest when %s changes', (_, change) => {
    expect(manifestDigest(RunManifest.parse(change(manifest)))).not.toBe(manifestDigest(manifest));
  });

  it.each<[string, object]>([
    ['a loader that a debug enclave would match', { loader: { ...manifest.loader, pcr0: '0'.repeat(96) } }],
    ['an unknown field', { extra: 1 }],
    ['no input', { inputs: [] }],
    ['one version twice', { inputs: [...manifest.inputs, { ...manifest.inputs[0], key: 'data/enclaves/more.pack' }] }],
    [
      'two versions that the code would find in one folder',
      { inputs: [...manifest.inputs, { ...manifest.inputs[0], version: `${'e'.repeat(12)}${'0'.repeat(52)}` }] },
    ],
    ['an input outside /data', { inputs: [{ ...manifest.inputs[0], dataset: '../etc' }] }],
    ['a key that is no ARN', { artefact: { ...manifest.artefact, kmsKey: '*' } }],
    ['outputs without a limit', { outputs: { ...manifest.outputs, maxBytes: 0 } }],
    ['upper-case measurements', { loader: { ...manifest.loader, pcr0: 'A'.repeat(96) } }],
  ])('cannot have %s', (_, change) => expect(RunManifest.safeParse({ ...manifest, ...change }).success).toBe(false));
});

// Computed with Python's hashlib, as AWS's documentation does.
describe('the measurements that follow from it', () => {
  it('PCR16 is extended once, from zero, with the digest', () =>
    expect(expectedPcr16('ab'.repeat(48))).toBe(
      '73bbee246f69b6bf7824b9e7643701dad9ed70c94c9880d033c0ac87b5043d0dd70cad576882faf2f6679a22ededfea4',
    ));
  it('PCR3 is extended once, from zero, with the ARN of the role', () =>
    expect(expectedPcr3('arn:aws:iam::123456789012:role/Webserver')).toBe(
      '78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef4fc1f1a452e315b9e98f9e312e6921e6',
    ));
});
