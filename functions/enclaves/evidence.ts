import { constants, createHash, createPublicKey, verify } from 'node:crypto';
import * as z from 'zod';
import { datasetFolder } from '../datasets/schemas.ts';
import { Sha256 } from '../identifiers.ts';
import { type AttestationVerdict, verifyAttestation } from './attestation.ts';
import { expectedPcr16, manifestDigest } from './manifest.ts';
import { type EnclaveRun, PartyApproval, RunId, RunManifest, Sha384, SignedOutputs } from './schemas.ts';

/** What the loader signed with the key that was attested. */
const RunResult = z.strictObject({
  v: z.literal(1),
  run: RunId,
  manifest: Sha384,
  artefact: Sha256,
  /** By where the code found each: the dataset and its version, as below `/data`. */
  inputs: z.record(z.string(), Sha256),
  outputs: SignedOutputs,
  kmsRequests: z.array(z.string().max(100)).max(100),
});

/** Everything about one run that either party needs to verify it, offline. */
export const RunEvidence = z.strictObject({
  v: z.literal(1),
  manifest: RunManifest,
  approvals: z.strictObject({ data: PartyApproval, code: PartyApproval }),
  /** The attestation document, Base64. */
  attestation: z.base64(),
  /** The result as it was signed, byte for byte. */
  result: z.string().max(100_000),
  signature: z.base64(),
  /** The airlock's signed record of what was released of the outputs, as it was signed; left out until something was. */
  release: z.string().max(50_000_000).optional(),
});
export type RunEvidence = z.infer<typeof RunEvidence>;

/** The evidence of a run from its row and from what its enclave left. Undefined if that is not a signed result. */
export function collectEvidence(run: EnclaveRun, attestation: Uint8Array, statement: string): RunEvidence | undefined {
  // The signature is over these bytes, so they are kept as they came.
  const [, result, signature] = /^\{"result":(.*),"signature":"([^"]*)"\}$/.exec(statement) ?? [];
  return RunEvidence.safeParse({
    v: 1,
    manifest: run.manifest,
    approvals: run.approvals,
    attestation: Buffer.from(attestation).toString('base64'),
    result,
    signature,
  }).data;
}

/** What the enclave signed about its outputs. */
export const readSignedOutputs = ({ result }: RunEvidence): SignedOutputs =>
  RunResult.parse(JSON.parse(result)).outputs;

export interface EvidenceCheck {
  readonly check: string;
  readonly ok: boolean;
  readonly reason: string;
}

export interface EvidenceTrust {
  /** PEM; AWS's own unless given. */
  readonly roots?: readonly string[];
  /** The packed outputs, if they are there to compare. */
  readonly outputs?: Uint8Array;
  /** The enclave that attested itself for the run. An approval is for one, and not for the best of several. */
  readonly module?: string | undefined;
}

function judgeApprovals({ approvals, manifest }: RunEvidence, digest: string): EvidenceCheck {
  const { data, code } = approvals;
  const problems = [
    data.by.id === code.by.id && 'One person approved for both parties.',
    (data.manifest !== digest || code.manifest !== digest) && 'An approval is for another manifest.',
    [data, code].some(({ at: time }) => Date.parse(time) >= Date.parse(manifest.notAfter)) &&
      'An approval came too late.',
  ].filter(problem => problem !== false);
  return {
    check: 'approvals',
    ok: problems.length === 0,
    reason: problems[0] ?? `${data.by.name}, for the data, and ${code.by.name}, for the code, approved this manifest.`,
  };
}

function judgeSignature({ result, signature }: RunEvidence, publicKey: string | null): EvidenceCheck {
  const check = 'signature';
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey ?? '', 'hex'), format: 'der', type: 'spki' });
    const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
    if (verify('sha384', Buffer.from(result), pss, Buffer.from(signature, 'base64')))
      return { check, ok: true, reason: 'The attested enclave signed the result.' };
  } catch {
    return { check, ok: false, reason: 'The attestation has no key that could have signed the result.' };
  }
  return { check, ok: false, reason: 'The result is not the one that the attested enclave signed.' };
}

function readResult(text: string): z.infer<typeof RunResult> | undefined {
  try {
    return RunResult.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function judgeResult({ manifest, result: text }: RunEvidence, digest: string, outputs?: Uint8Array): EvidenceCheck {
  const result = readResult(text);
  if (!result) return { check: 'result', ok: false, reason: 'The result cannot be read.' };
  const inputs = Object.fromEntries(manifest.inputs.map(input => [datasetFolder(input), input.sha256]));
  const isSame =
    result.run === manifest.run &&
    result.manifest === digest &&
    result.artefact === manifest.artefact.sha256 &&
    Object.keys(inputs).length === Object.keys(result.inputs).length &&
    Object.entries(inputs).every(([folder, hash]) => result.inputs[folder] === hash);
  const { packed, sha256 } = result.outputs;
  const problems = [
    !isSame && 'The result is of another manifest, code or data.',
    outputs !== undefined &&
      createHash('sha256').update(outputs).digest('hex') !== sha256 &&
      'The packed outputs are not those of the result.',
  ].filter(problem => problem !== false);
  const compared = outputs === undefined ? '' : ' The packed outputs are these.';
  return {
    check: 'result',
    ok: problems.length === 0,
    reason:
      problems[0] ??
      `The code and data of the manifest gave packed outputs of ${packed} bytes. KMS gave ${result.kmsRequests.length} keys, in the requests ${result.kmsRequests.join(', ')}.${compared}`,
  };
}

/** Whether the document, which proves something, is that of the enclave of the run, in the time of its manifest. */
function judgeEnclave(
  { ok, reason, moduleId, timestamp }: AttestationVerdict,
  { notBefore, notAfter }: RunManifest,
  module: string | undefined,
): EvidenceCheck {
  const time = Date.parse(timestamp ?? '');
  const isCurrent = time >= Date.parse(notBefore) && time < Date.parse(notAfter);
  const problems = [
    !ok && reason,
    !isCurrent && 'The enclave ran outside the time of the manifest.',
    module !== undefined && moduleId !== module && `The enclave ${module} attested this run, not ${moduleId}.`,
  ].filter(problem => problem !== false);
  return {
    check: 'attestation',
    ok: problems.length === 0,
    reason: problems[0] ?? `The loader of the manifest ran with this manifest in ${moduleId}, ${timestamp}.`,
  };
}

/** Judges the evidence of a run: who approved what, what ran, and what it made. Archived evidence is judged at its own time. */
export function judgeEvidence(evidence: RunEvidence, { roots, outputs, module }: EvidenceTrust = {}): EvidenceCheck[] {
  const { manifest } = evidence;
  const digest = manifestDigest(manifest);
  const pcrs = Object.entries(manifest.loader).map(([name, value]): [number, Uint8Array[]] => [
    Number(name.slice(3)),
    [Buffer.from(value, 'hex')],
  ]);
  const verdict = verifyAttestation(Buffer.from(evidence.attestation, 'base64'), {
    ...(roots && { roots }),
    pcrs: new Map([...pcrs, [16, [Buffer.from(expectedPcr16(digest), 'hex')]]]),
    nonce: Buffer.from(manifest.nonce, 'hex'),
    userData: Buffer.from(digest, 'hex'),
    needsRecipientKey: true,
  });
  return [
    judgeApprovals(evidence, digest),
    judgeEnclave(verdict, manifest, module),
    judgeSignature(evidence, verdict.publicKey),
    judgeResult(evidence, digest, outputs),
  ];
}
