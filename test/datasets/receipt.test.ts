import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { buildErasureRecord, receiptDigest, verifyErasureReceipt } from '../../functions/datasets/receipt.ts';
import { now } from './builders.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
const fingerprint = createHash('sha256')
  .update(publicKey.export({ type: 'spki', format: 'der' }))
  .digest('hex');
const object = (key: string) => ({ bucket: 'lake', key, version: 'v1', size: 3 });
const record = buildErasureRecord({
  dataset: 'admissions',
  controller: 'Tayside Health',
  licence: 'DSA 2026-14',
  withdrawnAt: now,
  withdrawnBy: 'sam',
  reason: 'The agreement ended.',
  objects: [object('datasets/admissions/b'), object('datasets/admissions/a'), object('datasets/admissions/b')],
  deletedAt: now,
  keyId: 'key',
});
/** KMS signs the digest; so does this, by way of the text that gives it. */
const signature = (() => {
  const text = JSON.stringify(record, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  expect(createHash('sha256').update(text).digest()).toEqual(receiptDigest(record));
  return sign('sha256', Buffer.from(text), privateKey).toString('base64');
})();
const receipt = { record, signature, publicKey: pem };
const verdictOf = (change: object, pin?: string) =>
  verifyErasureReceipt(JSON.stringify({ ...receipt, ...change }), pin);

describe('the receipt of a deletion', () => {
  it('lists each object version once, in order, and is valid under the key that one trusts', () => {
    expect(record.objects.map(({ key }) => key)).toEqual(['datasets/admissions/a', 'datasets/admissions/b']);
    expect(verdictOf({}, fingerprint)).toMatchObject({ record, fingerprint, problems: [] });
  });

  it.each([
    ['an object is left out', { record: { ...record, objects: record.objects.slice(1) } }, /does not belong/],
    ['its reason is another', { record: { ...record, reason: 'x' } }, /does not belong/],
    ['its signature is of another key', { publicKey: otherKey() }, /does not belong/],
    ['its key is no key', { publicKey: 'x' }, /cannot be read/],
    ['its key is of another kind', { publicKey: otherKey('secp384r1') }, /not one of ECDSA over P-256/],
    ['it has more than it should', { note: 'x' }, /not a receipt/],
  ])('is invalid if %s', (_, change, message) => {
    expect(verdictOf(change).problems.join(' ')).toMatch(message);
  });

  it('is invalid under another key than the one that one trusts, or if it is no JSON', () => {
    expect(verdictOf({}, '0'.repeat(64)).problems).toEqual([
      expect.stringMatching(/another key than the one you trust/),
    ]);
    expect(verifyErasureReceipt('{').problems).toEqual(['It is not JSON.']);
  });
});

function otherKey(namedCurve = 'P-256'): string {
  return generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'pem' }) as string;
}
