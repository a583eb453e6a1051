import fc from 'fast-check';
import { expect, it } from 'vitest';
import { verifyAttestation } from '../../functions/enclaves/attestation.ts';
import { type CborInput, encodeCbor } from '../../local/enclaves/hypervisor.ts';
import { documentOf, fields, judge, payloadWith, smallDocument } from '../../local/enclaves/sample-documents.ts';

/** The document with one byte changed. */
function mutant(document: Uint8Array, index: number, value: number): Uint8Array {
  const copy = document.slice();
  copy[index] = value;
  return copy;
}

/**
 * Every bit of the document is changed, and the bytes before the payload, which are not all signed, take every value. The
 * payload is signed as it stands, so any change in it fails the same check: the bench gives each of its bytes every value.
 */
it('every changed bit or byte of a document is rejected', () => {
  const document = smallDocument();
  expect(judge(document).ok).toBe(true);
  const payloadStart = 10;
  let [count, accepted] = [0, 0];
  for (const [index, byte] of document.entries()) {
    const values =
      index < payloadStart
        ? Array.from({ length: 256 }, (_, value) => value).filter(value => value !== byte)
        : Array.from({ length: 8 }, (_, bit) => byte ^ (1 << bit));
    for (const value of values) {
      count++;
      if (judge(mutant(document, index, value)).ok) accepted++;
    }
  }
  console.log(`attestation mutants: ${count} tried, ${accepted} accepted`);
  expect(accepted).toBe(0);
});

/** The bench tries 100,000. */
const RUNS = 2000;

it('bytes of any kind are judged without a crash and never accepted', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      const verdict = verifyAttestation(bytes);
      expect(verdict.ok).toBe(false);
      expect(verdict.reason).toMatch(/\.$/);
    }),
    { numRuns: RUNS },
  );
});

const scalar: fc.Arbitrary<CborInput> = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 }),
  fc.string({ maxLength: 8 }),
  fc.uint8Array({ maxLength: 100 }),
  fc.constant(null),
);
const value: fc.Arbitrary<CborInput> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 4 }),
  fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), scalar), { maxLength: 4 }).map(entries => new Map(entries)),
);

it('documents of the right structure with other contents are never accepted unless they are signed', () => {
  const names = [
    'module_id',
    'digest',
    'timestamp',
    'pcrs',
    'certificate',
    'cabundle',
    'public_key',
    'user_data',
    'nonce',
  ];
  const original = documentOf();
  fc.assert(
    fc.property(fc.constantFrom(...names), value, fc.boolean(), (name, content, isIndefinite) => {
      const payload = encodeCbor(payloadWith({ [name]: content }), isIndefinite);
      const forgery = encodeCbor([encodeCbor(new Map([[1, -35]])), new Map(), payload, original.slice(-96)]);
      expect(judge(forgery).ok).toBe(false);
    }),
    { numRuns: RUNS / 4 },
  );
  expect(judge(original)).toMatchObject({ ok: true, moduleId: fields.moduleId });
});
