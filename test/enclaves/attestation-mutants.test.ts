import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  flippedBits,
  listAlteredDocuments,
  listMutants,
  listRandomInputs,
  otherValues,
  tryDocuments,
} from '../../local/enclaves/hostile-documents.ts';
import { type CborInput, encodeCbor } from '../../local/enclaves/hypervisor.ts';
import { documentOf, fields, judge, payloadWith, smallDocument } from '../../local/enclaves/sample-documents.ts';
import { areTrialsComplete } from '../trials.ts';

/** The length of what stands before the payload. Most of it is not signed, so it has no other protection than its form. */
const HEAD_BYTES = 10;
/** All trials need some minutes of a processor. */
const TRIALS_TIMEOUT = 7_200_000;

/**
 * Every bit of the document is changed, and the bytes before the payload take every value. `npm run test:trials` gives each
 * byte every value.
 */
it(
  'every changed bit or byte of a document is rejected',
  () => {
    const document = smallDocument();
    expect(judge(document).ok).toBe(true);
    const valuesOf = (byte: number, index: number) =>
      areTrialsComplete || index < HEAD_BYTES ? otherValues(byte) : flippedBits(byte);
    const { tried, accepted } = tryDocuments(listMutants(document, valuesOf));
    const mutantCount = document.length * 255;
    console.log(
      `attestation mutants: ${tried} of ${mutantCount} of a document of ${document.length} bytes, ${accepted} accepted`,
    );
    expect(accepted).toBe(0);
    expect(tried).toBe(areTrialsComplete ? mutantCount : HEAD_BYTES * 255 + (document.length - HEAD_BYTES) * 8);
  },
  TRIALS_TIMEOUT,
);

it(
  'random bytes and altered documents are judged with a reason and never accepted',
  () => {
    const [randomCount, alteredCount] = areTrialsComplete ? [50_000, 50_000] : [20_000, 3000];
    const random = tryDocuments(listRandomInputs(randomCount));
    const altered = tryDocuments(listAlteredDocuments(smallDocument(), alteredCount));
    console.log(`attestation inputs: ${random.tried} random, ${altered.tried} altered documents, of 50000 each`);
    expect([random, altered]).toEqual([
      { tried: randomCount, accepted: 0 },
      { tried: alteredCount, accepted: 0 },
    ]);
  },
  TRIALS_TIMEOUT,
);

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
    { numRuns: areTrialsComplete ? 10_000 : 500 },
  );
  expect(judge(original)).toMatchObject({ ok: true, moduleId: fields.moduleId });
});
