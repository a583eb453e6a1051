import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { judgeEvidence, RunEvidence } from '../../functions/enclaves/evidence.ts';
import { manifestDigest } from '../../functions/enclaves/manifest.ts';
import { readTextFile } from './airlock-tree.ts';
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

export const enclaveVerifyEvidenceCommand = defineCommand({
  words: ['enclave', 'verify-evidence'],
  summary: 'Check the evidence of an enclave run, offline: who approved what, what ran, and what it made',
  notes: [
    'Needs no network, no profile and no sign-in. Compare the SHA-384 of the manifest with the one that you approved. The',
    'exit code is 0 if everything holds, and 3 if not. --outputs also compares the packed outputs with the signed result.',
  ],
  examples: ['enclave verify-evidence evidence.json --outputs outputs.pack'],
  params: z.object({ evidence: z.string().min(1).describe('the evidence of the run, JSON') }),
  flags: z.object({
    outputs: z.string().min(1).optional().describe('the packed outputs'),
    root: z.array(z.string().min(1)).default([]).describe('trust this root instead of AWS’s (repeatable)'),
  }),
  async run({ params, flags }, context) {
    const evidence = await readEvidence(params.evidence);
    const checks = judgeEvidence(evidence, {
      ...(flags.root.length > 0 && { roots: await Promise.all(flags.root.map(readPem)) }),
      ...(flags.outputs !== undefined && { outputs: await readFile(flags.outputs) }),
    });
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
