import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifyAttestation } from '../../functions/enclaves/attestation.ts';
import { readExtensions } from '../../functions/enclaves/certificate-extensions.ts';
import { NITRO_ROOT_PEM } from '../../functions/enclaves/nitro-root.ts';
import { issueCertificate, toPem } from '../../local/enclaves/certificates.ts';
import {
  type CborInput,
  createAuthority,
  encodeCbor,
  issueLeaf,
  signDocument,
} from '../../local/enclaves/hypervisor.ts';
import {
  authority,
  documentOf,
  documentTime,
  documentWithCertificate,
  fields,
  judge,
  largestDocument,
  leaf,
  payloadWith,
  smallDocument,
  trust,
} from '../../local/enclaves/sample-documents.ts';

const document = documentOf();
const KEY_USAGE_ID = '2.5.29.15';
const bytes = (length: number, value = 1) => new Uint8Array(length).fill(value);
const pcrsWith = (changes: readonly [CborInput, CborInput][]) =>
  new Map<CborInput, CborInput>([...fields.pcrs, ...changes]);
describe('a genuine document', () => {
  it('is accepted, and the verdict shows what it says', () => {
    expect(judge(document)).toMatchObject({
      ok: true,
      moduleId: fields.moduleId,
      at: '2026-11-28T12:00:00.000Z',
      atOwnTime: true,
      pcrs: { 0: '01'.repeat(48), 3: '04'.repeat(48) },
      nonce: '09'.repeat(32),
    });
  });

  it.each<[string, Uint8Array]>([
    ['with the tag of COSE_Sign1', Buffer.concat([Uint8Array.of(0xd2), document])],
    ['with maps and lists of indefinite length', signDocument(encodeCbor(payloadWith(), true), leaf.privateKey)],
    [
      'without its optional fields',
      documentOf(payloadWith({ public_key: undefined, user_data: undefined, nonce: undefined })),
    ],
    ['with null for its optional fields', documentOf(payloadWith({ public_key: null, user_data: null, nonce: null }))],
    ['with an empty nonce and user data', documentOf(payloadWith({ user_data: bytes(0), nonce: bytes(0) }))],
    [
      'with the longest optional fields',
      documentOf(payloadWith({ public_key: bytes(1024), user_data: bytes(512), nonce: bytes(512) })),
    ],
    [
      'with registers for applications',
      documentOf(
        payloadWith({
          pcrs: pcrsWith([
            [16, bytes(48)],
            [31, bytes(48)],
          ]),
        }),
      ),
    ],
    [
      'with measurements of 32 and 64 bytes',
      documentOf(
        payloadWith({
          pcrs: pcrsWith([
            [3, bytes(32)],
            [4, bytes(64)],
          ]),
        }),
      ),
    ],
    ['with two authorities', documentWithCertificate('authority', {})],
    ['with its root as the only authority', smallDocument()],
    ['with an enclave certificate without a key usage', documentWithCertificate('leaf', { keyUsage: undefined })],
    ['with an extension that is not critical and not known', documentWithCertificate('leaf', { padding: 1 })],
  ])('%s is accepted', (_, variant) => expect(judge(variant)).toMatchObject({ ok: true }));

  it('is accepted with nine authorities, certificates of 1,024 bytes, and the most of everything else', () => {
    const largest = largestDocument();
    expect(judge(largest)).toMatchObject({ ok: true });
    expect(largest.length).toBeLessThan(16 * 1024);
  });

  it('is judged with the root of AWS unless another is given', () => {
    const fingerprint = '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b';
    expect(createHash('sha256').update(new X509Certificate(NITRO_ROOT_PEM).raw).digest('hex')).toBe(fingerprint);
    expect(verifyAttestation(document)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('root certificate'),
    });
  });
});

describe('a signature or a chain that proves nothing is rejected', () => {
  const foreign = createAuthority(documentTime);
  const stranger = issueLeaf(foreign, documentTime);
  it.each<[string, Uint8Array, string]>([
    ['the signature of another key', documentOf(payloadWith(), stranger.privateKey), 'signature'],
    ['a foreign root', documentOf(payloadWith({}, foreign, stranger), stranger.privateKey), 'root'],
    [
      'a foreign chain below the trusted root',
      documentOf(payloadWith({}, { ...foreign, root: authority.root }, stranger), stranger.privateKey),
      'not issued by',
    ],
    [
      'a missing authority',
      documentOf(
        payloadWith({
          cabundle: [authority.root, ...authority.intermediates.slice(1)].map(({ certificate }) => certificate),
        }),
      ),
      'not issued by',
    ],
    [
      'authorities in another order',
      documentOf(
        payloadWith({
          cabundle: [authority.root, ...authority.intermediates.toReversed()].map(({ certificate }) => certificate),
        }),
      ),
      'authorities below',
    ],
    ['an authority on another curve', documentWithCertificate('authority', { curve: 'P-256' }), 'P-384'],
    ['an enclave key on another curve', documentWithCertificate('leaf', { curve: 'brainpoolP384r1' }), 'P-384'],
    ['a certificate signed with SHA-256', documentWithCertificate('leaf', { hash: 'sha256' }), 'SHA-384'],
    [
      'an authority that is none',
      documentWithCertificate('authority', { isAuthority: false, keyUsage: 0x86 }),
      'no authority',
    ],
    [
      'an authority that must not sign certificates',
      documentWithCertificate('authority', { keyUsage: 0x80 }),
      'sign certificates',
    ],
    [
      'an authority without a key usage',
      documentWithCertificate('authority', { keyUsage: undefined }),
      'sign certificates',
    ],
    ['an enclave that is an authority', documentWithCertificate('leaf', { isAuthority: true }), 'authority'],
    ['an enclave that must not sign documents', documentWithCertificate('leaf', { keyUsage: 0x04 }), 'sign documents'],
    ['an extension twice', documentWithCertificate('leaf', { criticalExtension: KEY_USAGE_ID }), 'cannot be read'],
    [
      'an authority whose certificate has ended',
      documentWithCertificate('authority', { notAfter: documentTime - 1000 }),
      'intermediate certificate is not valid after',
    ],
    [
      'an authority whose certificate is for later',
      documentWithCertificate('authority', { notBefore: documentTime + 1000 }),
      'intermediate certificate is not valid before',
    ],
    [
      'an unknown critical extension',
      documentWithCertificate('leaf', { criticalExtension: '1.2.3.4' }),
      'critical extension',
    ],
  ])('%s', (_, variant, reason) =>
    expect(judge(variant)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) }),
  );

  it('an extension twice, which Node would read', () => {
    const usual = { name: 'e', notBefore: documentTime - 1000, notAfter: documentTime + 1000, isAuthority: false };
    const { certificate } = issueCertificate({ ...usual, criticalExtension: KEY_USAGE_ID }, authority.root);
    expect(new X509Certificate(certificate).subject).toBe('CN=e');
    expect(() => readExtensions(certificate)).toThrow('an extension twice');
  });

  it('more authorities than one of them permits', () => {
    const common = { notBefore: documentTime - 1000, notAfter: documentTime + 1000 };
    const first = issueCertificate({ ...common, name: 'first', isAuthority: true, pathLength: 0 }, authority.root);
    const second = issueCertificate({ ...common, name: 'second', isAuthority: true }, first);
    const holder = issueCertificate({ ...common, name: 'enclave', isAuthority: false }, second);
    const chain = { root: authority.root, intermediates: [first, second] };
    expect(judge(documentOf(payloadWith({}, chain, holder), holder.privateKey)).reason).toMatch(/more authorities/);
  });
});

describe('what the caller expects', () => {
  const rsa = (modulusLength: number) =>
    generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'der', type: 'spki' });
  const elliptic = createPublicKey(leaf.privateKey).export({ format: 'der', type: 'spki' });
  const debug = documentOf(payloadWith({ pcrs: pcrsWith([0, 1, 2].map(index => [index, bytes(48, 0)])) }));
  const HOUR = 3600_000;

  it.each<[string, Parameters<typeof judge>]>([
    ['a permitted value of a register', [document, { pcrs: new Map([[0, [bytes(48, 9), bytes(48, 1)]]]) }]],
    ['the nonce', [document, { nonce: bytes(32, 9) }]],
    ['the user data', [document, { userData: bytes(48, 8) }]],
    ['an age', [document, { time: documentTime + 60_000, maxAgeMs: 60_000 }]],
    [
      'a clock behind by five minutes',
      [documentOf(payloadWith({ timestamp: documentTime + 300_000 })), { time: documentTime }],
    ],
    ['a time while the certificates are valid', [document, { time: documentTime + 2 * HOUR }]],
    ['a debug enclave, if permitted', [debug, { allowDebug: true }]],
    ['a key for KMS', [documentOf(payloadWith({ public_key: rsa(2048) })), { needsRecipientKey: true }]],
  ])('%s is accepted', (_, [variant, policy]) => expect(judge(variant, policy)).toMatchObject({ ok: true }));

  it.each<[string, Parameters<typeof judge>, string]>([
    ['another value of a register', [document, { pcrs: new Map([[0, [bytes(48, 9)]]]) }], 'PCR0'],
    ['a shorter value of a register', [document, { pcrs: new Map([[0, [bytes(47)]]]) }], 'PCR0'],
    ['no permitted value of a register', [document, { pcrs: new Map([[0, []]]) }], 'PCR0'],
    ['a register that it lacks', [document, { pcrs: new Map([[16, [bytes(48)]]]) }], 'no PCR16'],
    ['another nonce', [document, { nonce: bytes(32, 8) }], 'nonce'],
    ['a nonce that it lacks', [documentOf(payloadWith({ nonce: null })), { nonce: bytes(0) }], 'nonce'],
    ['other user data', [document, { userData: bytes(48, 9) }], 'user_data'],
    ['a greater age', [document, { time: documentTime + 60_001, maxAgeMs: 60_000 }], 'older than 60 seconds'],
    ['a time before it was made', [document, { time: documentTime - 300_001 }], 'not valid before'],
    [
      'a timestamp far ahead',
      [documentOf(payloadWith({ timestamp: documentTime + 300_001 })), { time: documentTime }],
      'made after',
    ],
    ['a time after its certificate', [document, { time: documentTime + 4 * HOUR }], 'not valid after'],
    [
      'its own time, outside its certificate',
      [documentOf(payloadWith({ timestamp: documentTime + 4 * HOUR }))],
      'not valid after',
    ],
    ['a debug enclave', [debug], 'debug mode'],
    [
      'a document that measures none of the three',
      [documentOf(payloadWith({ pcrs: new Map([[3, bytes(48)]]) }))],
      'debug mode',
    ],
    [
      'a key that KMS does not take',
      [documentOf(payloadWith({ public_key: rsa(1024) })), { needsRecipientKey: true }],
      'RSA key',
    ],
    ['a key that is none', [document, { needsRecipientKey: true }], 'RSA key'],
    [
      'a longer key than KMS takes',
      [documentOf(payloadWith({ public_key: rsa(3072) })), { needsRecipientKey: true }],
      'RSA key',
    ],
    [
      'a key of another kind',
      [documentOf(payloadWith({ public_key: elliptic })), { needsRecipientKey: true }],
      'RSA key',
    ],
    ['no key', [documentOf(payloadWith({ public_key: null })), { needsRecipientKey: true }], 'RSA key'],
  ])('%s is rejected', (_, [variant, policy], reason) =>
    expect(judge(variant, policy)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) }),
  );

  it('accepts a second pinned root, as another partition has', () => {
    const roots = [NITRO_ROOT_PEM, toPem(authority.root.certificate)];
    expect(verifyAttestation(document, { ...trust, roots })).toMatchObject({ ok: true });
  });
});
