import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectedPcr3, expectedPcr16, manifestDigest } from '../../functions/enclaves/manifest.ts';
import { judgeAttestation } from '../../functions/enclaves/progress.ts';
import type { EnclaveRun, RunManifest } from '../../functions/enclaves/schemas.ts';
import { type CborInput, createAuthority, issueLeaf } from '../../local/enclaves/hypervisor.ts';
import { documentOf, documentTime, payloadWith, trust } from '../../local/enclaves/sample-documents.ts';
import { digest, manifest, proposal } from './runs.ts';

const parent = 'arn:aws:iam::000000000000:role/broch-parent';
const runOf = (content: RunManifest) =>
  ({ ...proposal, id: content.run, manifest: content, digest: manifestDigest(content) }) as unknown as EnclaveRun;
const run = runOf(manifest);
const recipient = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'der', type: 'spki' });
const hex = (text: string): Uint8Array => Buffer.from(text, 'hex');

/** The registers of the run's loader, on an instance of the project, with the run's manifest. */
const registers = new Map<CborInput, CborInput>([
  [0, hex(manifest.loader.pcr0)],
  [1, hex(manifest.loader.pcr1)],
  [2, hex(manifest.loader.pcr2)],
  [3, hex(expectedPcr3(parent))],
  [16, hex(expectedPcr16(digest))],
]);
const registersWith = (index: number, value: Uint8Array | undefined) => {
  const copy = new Map(registers);
  if (value === undefined) copy.delete(index);
  else copy.set(index, value);
  return { pcrs: copy };
};
const content = { pcrs: registers, public_key: recipient, user_data: hex(digest), nonce: hex(manifest.nonce) };
/** What the loader of the run has signed, with some fields replaced. */
const attest = (changes: Record<string, CborInput> = {}) => documentOf(payloadWith({ ...content, ...changes }));
const document = attest();
const roots = trust.roots ?? [];
const judge = (bytes: Uint8Array, judgedRun = run, change: Partial<Parameters<typeof judgeAttestation>[2]> = {}) =>
  judgeAttestation(judgedRun, bytes, { roots, parent, time: documentTime, ...change });

const MINUTE = 60_000;

describe('the attestation of a run', () => {
  it('holds for the loader of its manifest, on an instance of its project, and is fresh for a quarter of an hour', () => {
    expect(judge(document)).toMatchObject({ ok: true, userData: digest });
    expect(judge(document, run, { time: documentTime + 15 * MINUTE })).toMatchObject({ ok: true });
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      'the code of a debug enclave',
      attest({ pcrs: new Map([0, 1, 2].map(index => [index, new Uint8Array(48)])) }),
      /debug/,
    ],
    ['another loader', attest(registersWith(0, new Uint8Array(48).fill(1))), /PCR0 does not have/],
    ['another kernel', attest(registersWith(1, new Uint8Array(48).fill(1))), /PCR1 does not have/],
    ['another application', attest(registersWith(2, new Uint8Array(48).fill(1))), /PCR2 does not have/],
    ['an instance of another role', attest(registersWith(3, hex(expectedPcr3(`${parent}-2`)))), /PCR3 does not have/],
    ['an instance without a role', attest(registersWith(3, undefined)), /no PCR3/],
    ['another manifest in PCR16', attest(registersWith(16, hex(expectedPcr16('0'.repeat(96))))), /PCR16 does not/],
    ['a manifest that was not measured', attest(registersWith(16, undefined)), /no PCR16/],
    ['another manifest beside it', attest({ user_data: new Uint8Array(48) }), /user_data/],
    ['no manifest beside it', attest({ user_data: null }), /user_data/],
    ['another nonce', attest({ nonce: new Uint8Array(32) }), /nonce/],
    ['no nonce', attest({ nonce: null }), /nonce/],
    ['no key that KMS could encrypt for', attest({ public_key: null }), /RSA key/],
    ['a truncated document', document.subarray(0, -1), /ends too early/],
    ['nothing', new Uint8Array(), /empty/],
  ])('does not hold for %s', (_, bytes, reason) => {
    expect(judge(bytes)).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  it('does not hold if the document is replayed later, or was made ahead of time', () => {
    expect(judge(document, run, { time: documentTime + 15 * MINUTE + 1 }).reason).toMatch(/older than 900 seconds/);
    expect(judge(attest({ timestamp: documentTime + 6 * MINUTE })).reason).toMatch(/made after/);
  });

  it.each<[string, Partial<RunManifest>]>([
    ['a second run of what was approved', { run: 'er-ffffffffffffffff', nonce: '2'.repeat(64) }],
    ['a run with other code', { artefact: { ...manifest.artefact, sha256: '0'.repeat(64) } }],
    ['a run on other data', { inputs: manifest.inputs.map(input => ({ ...input, sha256: '0'.repeat(64) })) }],
    ['a run with other limits of outputs', { outputs: { ...manifest.outputs, maxFiles: 4 } }],
    ['a run with another nonce', { nonce: '2'.repeat(64) }],
  ])('does not hold if the document is replayed for %s', (_, change) => {
    expect(judge(document, runOf({ ...manifest, ...change }))).toMatchObject({
      ok: false,
      reason: 'PCR16 does not have a permitted value.',
    });
  });

  it('holds for the configured root only, and for that of AWS if none is', () => {
    expect(judge(document, run, { roots: [] }).reason).toMatch(/root certificate/);
    const foreign = createAuthority(documentTime);
    const stranger = issueLeaf(foreign, documentTime);
    expect(judge(documentOf(payloadWith(content, foreign, stranger), stranger.privateKey)).reason).toMatch(
      /root certificate/,
    );
  });
});
