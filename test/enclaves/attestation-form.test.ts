import { describe, expect, it } from 'vitest';
import { type CborInput, encodeCbor } from '../../local/enclaves/hypervisor.ts';
import { authority, documentOf, fields, judge, leaf, payloadWith } from '../../local/enclaves/sample-documents.ts';

const document = documentOf();
const bytes = (length: number, value = 1) => new Uint8Array(length).fill(value);
const pcrsWith = (changes: readonly [CborInput, CborInput][]) =>
  new Map<CborInput, CborInput>([...fields.pcrs, ...changes]);
/** The four parts of a valid document, some of them replaced. */
function messageWith(changes: Readonly<Record<number, CborInput>>): Uint8Array {
  const payload = encodeCbor(payloadWith());
  const parts: CborInput[] = [encodeCbor(new Map([[1, -35]])), new Map(), payload, document.slice(-96)];
  return encodeCbor(parts.map((part, index) => changes[index] ?? part));
}

describe('a document of another form is rejected', () => {
  it.each<[string, Uint8Array, string]>([
    ['no bytes', bytes(0), 'empty'],
    ['too many bytes', bytes(16 * 1024 + 1), 'more than'],
    ['a byte after it', Buffer.concat([document, bytes(1)]), 'bytes follow'],
    ['its last byte missing', document.slice(0, -1), 'ends too early'],
    ['another tag', Buffer.concat([Uint8Array.of(0xd1), document]), 'four parts'],
    [
      'a list of indefinite length without an end',
      Buffer.concat([Uint8Array.of(0x9f), document.slice(1)]),
      'ends too early',
    ],
    ['the tag of COSE_Sign1 twice', Buffer.concat([Uint8Array.of(0xd2, 0xd2), document]), 'four parts'],
    ['three parts', encodeCbor([bytes(1), new Map(), bytes(1)]), 'four parts'],
    ['five parts', Buffer.concat([Uint8Array.of(0x85), document.slice(1), bytes(1)]), 'four parts'],
    ['a text as its protected header', messageWith({ 0: 'header' }), 'right kinds'],
    ['a list as its headers outside the signature', messageWith({ 1: [] }), 'right kinds'],
    ['a text as its payload', messageWith({ 2: 'payload' }), 'right kinds'],
    ['a text as its signature', messageWith({ 3: 'signature' }), 'right kinds'],
    ['headers outside the signature', messageWith({ 1: new Map([[4, bytes(1)]]) }), 'does not protect'],
    ['ES256 as its algorithm', messageWith({ 0: encodeCbor(new Map([[1, -7]])) }), 'ES384'],
    [
      'a second protected header',
      messageWith({
        0: encodeCbor(
          new Map([
            [1, -35],
            [3, 1],
          ]),
        ),
      }),
      'ES384',
    ],
    ['a protected header that is no map', messageWith({ 0: encodeCbor([1, -35]) }), 'ES384'],
    ['a short signature', messageWith({ 3: bytes(95) }), '96 bytes'],
    ['a long signature', messageWith({ 3: bytes(97) }), '96 bytes'],
    ['a signature of zeros', messageWith({ 3: bytes(96, 0) }), 'signature'],
    ['a payload that is no map', messageWith({ 2: encodeCbor([1]) }), 'no map'],
    ['a payload that is no CBOR', messageWith({ 2: bytes(5, 0xff) }), 'not valid CBOR'],
    ['deep nesting', Buffer.concat([bytes(9000, 0x81), bytes(1, 0)]), 'nested too deep'],
  ])('%s', (_, variant, reason) =>
    expect(judge(variant)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) }),
  );

  it.each<[string, string]>([
    ['a number longer than necessary', '1817'],
    ['a length longer than necessary', '580101'],
    ['a number above 2^53', '1b0020000000000000'],
    ['a float', 'fb3ff0000000000000'],
    ['undefined', 'f7'],
    ['a boolean', 'f5'],
    ['a text in pieces', '7f6161ff'],
    ['bytes in pieces', '5f4101ff'],
    ['a number of indefinite length', '1f'],
    ['an end without a beginning', 'ff'],
    ['an end after a key', 'bf01ff'],
    ['a text that is not UTF-8', '61ff'],
    ['a reserved length', '1c'],
    ['a key twice', 'a201000101'],
    ['a list as a key', 'a1800'],
    ['no value', ''],
  ])('%s in its protected header', (_, hex) =>
    expect(judge(messageWith({ 0: Buffer.from(hex, 'hex') })).reason).toMatch(/protected header is not valid CBOR/),
  );
});

describe('a payload that the hypervisor would not write is rejected', () => {
  it.each<[string, Record<string, CborInput | undefined>, string]>([
    ['an unknown field', { extra: 1 }, 'unknown field'],
    ['no module_id', { module_id: undefined }, 'module_id'],
    ['an empty module_id', { module_id: '' }, 'module_id'],
    ['a module_id that is a number', { module_id: 1 }, 'module_id'],
    ['no timestamp', { timestamp: undefined }, 'timestamp'],
    ['a timestamp of zero', { timestamp: 0 }, 'timestamp'],
    ['a negative timestamp', { timestamp: -1 }, 'timestamp'],
    ['a timestamp that is a text', { timestamp: '1' }, 'timestamp'],
    ['a timestamp that no date has', { timestamp: 2 ** 53 - 1 }, 'timestamp'],
    ['no digest', { digest: undefined }, 'digest'],
    ['another digest', { digest: 'SHA256' }, 'digest'],
    ['no pcrs', { pcrs: undefined }, 'pcrs'],
    ['pcrs that are a list', { pcrs: [bytes(48)] }, 'pcrs'],
    ['empty pcrs', { pcrs: new Map() }, 'pcrs'],
    ['a PCR32', { pcrs: pcrsWith([[32, bytes(48)]]) }, 'PCR 32'],
    ['a PCR below 0', { pcrs: pcrsWith([[-1, bytes(48)]]) }, 'PCR -1'],
    ['a PCR that is a text', { pcrs: pcrsWith([[0, 'zero']]) }, 'PCR0'],
    ['a PCR of 47 bytes', { pcrs: pcrsWith([[0, bytes(47)]]) }, 'PCR0'],
    ['a PCR named by a text', { pcrs: pcrsWith([['0', bytes(48)]]) }, 'PCR 0'],
    ['33 PCRs', { pcrs: new Map(Array.from({ length: 33 }, (_, index) => [index, bytes(48)])) }, '1 to 32'],
    ['no certificate', { certificate: undefined }, 'certificate'],
    ['an empty certificate', { certificate: bytes(0) }, 'certificate'],
    ['a certificate of 1,025 bytes', { certificate: bytes(1025) }, 'certificate'],
    ['no cabundle', { cabundle: undefined }, 'cabundle'],
    ['a cabundle that is no list', { cabundle: authority.root.certificate }, 'cabundle'],
    ['an empty cabundle', { cabundle: [] }, 'cabundle'],
    ['ten authorities', { cabundle: Array.from({ length: 10 }, () => authority.root.certificate) }, 'cabundle'],
    ['a null in the cabundle', { cabundle: [null] }, 'certificate'],
    ['an empty public_key', { public_key: bytes(0) }, 'public_key'],
    ['a public_key of 1,025 bytes', { public_key: bytes(1025) }, 'public_key'],
    ['a public_key that is a number', { public_key: 1 }, 'public_key'],
    ['user_data that is a text', { user_data: 'data' }, 'user_data'],
    ['user_data of 513 bytes', { user_data: bytes(513) }, 'user_data'],
    ['a nonce of 513 bytes', { nonce: bytes(513) }, 'nonce'],
    ['a nonce that is a text', { nonce: 'nonce' }, 'nonce'],
    [
      'a certificate with a byte after it',
      { certificate: Buffer.concat([leaf.certificate, bytes(1)]) },
      'cannot be read',
    ],
    ['a certificate of random bytes', { certificate: bytes(100, 0x30) }, 'cannot be read'],
  ])('%s', (_, changes, reason) =>
    expect(judge(documentOf(payloadWith(changes)))).toMatchObject({
      ok: false,
      reason: expect.stringContaining(reason),
    }),
  );
});
