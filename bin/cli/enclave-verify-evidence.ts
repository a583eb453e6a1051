import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { verifyRecord } from '../../functions/airlock/release/verify.ts';
import { type EvidenceCheck, judgeEvidence, RunEvidence } from '../../functions/enclaves/evidence.ts';
import { manifestDigest } from '../../functions/enclaves/manifest.ts';
import { requestOf } from '../../functions/enclaves/schemas.ts';
import { readTextFile } from './airlock-tree.ts';
import { resolvePin } from './airlock-verify.ts';
import { defineCommand } from './commands.ts';
import { describeCause } from './error-text.ts';
import { ExitError } from './exit.ts';
import { formatFields } from './layout.ts';
import { escapeForTerminal } from './output.ts';

async function readEvidence(file: string): Promise<RunEvidence> {
  let json: unknown;
  try {
    json = JSON.parse(await readTextFile(file));
  } catch (error) {
    if (error instanceof ExitError) throw error;
    throw new ExitError('refused', `${file} is not JSON, so it is no evidence of a run.`);
  }
  const evidence = RunEvidence.safeParse(json);
  if (!evidence.success) throw new ExitError('refused', `${file} is no evidence of a run.`);
  return evidence.data;
}

async function readPem(file: string): Promise<string> {
  try {
    return new X509Certificate(await readFile(file)).toString();
  } catch (error) {
    throw new ExitError('usage', `--root: ${file} is no certificate in PEM or DER: ${describeCause(error)}.`);
  }
}

/** Whether the airlock's record is signed and about the outputs of this run. Nothing was released if there is none. */
function judgeRelease({ release, manifest }: RunEvidence, pin: string | undefined): EvidenceCheck {
  const check = 'release';
  if (release === undefined) return { check, ok: true, reason: 'None of the outputs were released.' };
  const { record, fingerprint, wrong } = verifyRecord(release, pin);
  if (!record || wrong.length > 0) return { check, ok: false, reason: wrong.join(' ') };
  if (
    record.request !== requestOf(manifest.run) ||
    record.project !== manifest.project ||
    record.direction !== 'export'
  )
    return { check, ok: false, reason: `The release ${record.request} of ${record.project} is not of this run.` };
  if (record.files.length > manifest.outputs.maxFiles)
    return { check, ok: false, reason: 'More files were released than the manifest permits.' };
  return {
    check,
    ok: true,
    reason: `${record.files.length} ${record.files.length === 1 ? 'file was' : 'files were'} released to ${record.recipient} on ${record.releasedAt}, after review by ${record.reviewers.length} ${record.reviewers.length === 1 ? 'person' : 'people'}. Key SHA256:${fingerprint}${pin === undefined ? ', which was not compared with a key that you trust: name one with --key' : ''}.`,
  };
}

export const enclaveVerifyEvidenceCommand = defineCommand({
  words: ['enclave', 'verify-evidence'],
  summary: 'Check the evidence of an enclave run, offline: who approved what, what ran, what it made, and what left',
  notes: [
    'Needs no network, no profile and no sign-in. Compare the SHA-384 of the manifest with the one that you approved. The',
    'exit code is 0 if everything holds, and 3 if not. --outputs also compares the packed outputs with the signed result.',
  ],
  examples: ['enclave verify-evidence evidence.json --outputs outputs.pack'],
  params: z.object({ evidence: z.string().min(1).describe('the evidence of the run, JSON') }),
  flags: z.object({
    outputs: z.string().min(1).optional().describe('the packed outputs'),
    key: z.string().min(1).optional().describe('the key of releases to trust: a PEM file, or the SHA-256 fingerprint'),
    root: z.array(z.string().min(1)).default([]).describe('trust this root instead of AWS’s'),
  }),
  async run({ params, flags }, context) {
    const evidence = await readEvidence(params.evidence);
    const checks = judgeEvidence(evidence, {
      ...(flags.root.length > 0 && { roots: await Promise.all(flags.root.map(readPem)) }),
      ...(flags.outputs !== undefined && { outputs: await readFile(flags.outputs) }),
    });
    // A result that cannot be read has failed already.
    if (checks.every(check => check.ok)) checks.push(judgeRelease(evidence, await resolvePin(flags.key)));
    const ok = checks.every(check => check.ok);
    const manifest = manifestDigest(evidence.manifest);
    const rows = checks.map(({ check, ok: holds, reason }): [string, string] => [
      check,
      `${holds ? 'holds' : 'fails'}. ${escapeForTerminal(reason)}`,
    ]);
    context.result(
      { ok, manifest, checks },
      `${ok ? 'The evidence holds.' : 'The evidence does not hold.'}\n\n${formatFields([['manifest', manifest], ...rows], context.width)}`,
    );
    return ok ? 'ok' : 'refused';
  },
});
