import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import {
  type AttestationPolicy,
  type AttestationVerdict,
  verifyAttestation,
} from '../../functions/enclaves/attestation.ts';
import { defineCommand } from './commands.ts';
import { describeCause } from './error-text.ts';
import { ExitError } from './exit.ts';
import { formatFields } from './layout.ts';
import { escapeForTerminal, formatTime } from './output.ts';

async function readInput(file: string, label: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new ExitError('usage', `${label}: ${file} cannot be read: ${describeCause(error)}.`);
  }
}

function parseHex(text: string, label: string): Uint8Array {
  const bytes = Buffer.from(text, 'hex');
  if (bytes.length * 2 !== text.length)
    throw new ExitError('usage', `${label} takes hexadecimal digits, two for each byte, not ${JSON.stringify(text)}.`);
  return bytes;
}

function parsePcrs(texts: readonly string[]): ReadonlyMap<number, readonly Uint8Array[]> {
  const pcrs = new Map<number, Uint8Array[]>();
  for (const text of texts) {
    const [, index = '', hex = ''] = /^(\d{1,2})=(.*)$/.exec(text) ?? [];
    const value = parseHex(hex, '--pcr');
    if (index === '' || Number(index) > 31 || value.length === 0)
      throw new ExitError('usage', `--pcr takes a register from 0 to 31 and its value, as in 0=3b4a…, not ${text}.`);
    pcrs.set(Number(index), [...(pcrs.get(Number(index)) ?? []), value]);
  }
  return pcrs;
}

function parseTime(text: string): number {
  const time = text === 'now' ? Date.now() : /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new ExitError('usage', `--at takes now or a time such as 2026-11-28T12:00:00Z, not ${JSON.stringify(text)}.`);
  return time;
}

async function readRoot(file: string): Promise<string> {
  const bytes = await readInput(file, '--root');
  try {
    return new X509Certificate(bytes).toString();
  } catch {
    throw new ExitError('usage', `--root: ${file} is no certificate in PEM or DER.`);
  }
}

/** A verdict in words. What a document says is shown also if it is rejected, because it helps to find the reason. */
function formatVerdict(verdict: AttestationVerdict, width: number | undefined): string {
  const { ok, reason, moduleId, timestamp, at: time, atOwnTime, pcrs, root, nonce, userData } = verdict;
  const rows: [string, string][] = [];
  if (moduleId !== null) rows.push(['enclave', escapeForTerminal(moduleId)]);
  if (timestamp !== null) rows.push(['made', formatTime(timestamp)]);
  if (time !== null) rows.push(['judged at', `${formatTime(time)}${atOwnTime ? ", the document's own time" : ''}`]);
  if (root !== null) rows.push(['root', `SHA256:${root}`]);
  for (const [index, value] of Object.entries(pcrs)) rows.push([`PCR${index}`, value]);
  if (nonce) rows.push(['nonce', nonce]);
  if (userData) rows.push(['user data', userData]);
  return [
    `${ok ? 'Accepted' : 'Rejected'}: ${reason}`,
    ...(rows.length > 0 ? ['', formatFields(rows, width)] : []),
  ].join('\n');
}

export const enclaveVerifyCommand = defineCommand({
  words: ['enclave', 'verify'],
  summary: 'Judge the attestation document of a Nitro enclave, offline',
  notes: [
    'Needs no network, no profile and no sign-in. Checks the form, the signature and the certificates up to the root of',
    'AWS Nitro Enclaves, rejects enclaves in debug mode, and compares what you expect. The exit code is 0 if the document',
    'is accepted, and 3 if not. Certificates of enclaves live three hours, so a document is judged at its own time unless',
    '--at gives another one. Without --pcr, --nonce and --user-data an accepted document proves only that some enclave',
    'made it: name at least the PCR0 of the enclave that you expect.',
  ],
  examples: [
    'enclave verify attestation.bin --pcr 0=3b4a… --nonce 6e1f…',
    'enclave verify attestation.bin --at now --max-age 300 --json',
  ],
  params: z.object({ document: z.string().min(1).describe('the document, as the enclave wrote it') }),
  flags: z.object({
    root: z
      .array(z.string().min(1))
      .default([])
      .describe('trust this root instead of AWS’s: a certificate in PEM or DER'),
    at: z.string().min(1).optional().describe('the time to judge certificates at: now, or ISO 8601'),
    maxAge: z.number().int().min(1).optional().describe('reject a document older than this many seconds at that time'),
    pcr: z
      .array(z.string())
      .default([])
      .describe('a permitted value of a register, as N=hex; several values for one register permit each of them'),
    nonce: z.string().optional().describe('the nonce that the document must have, in hexadecimal digits'),
    userData: z.string().optional().describe('the user data that the document must have, in hexadecimal digits'),
    allowDebug: z.boolean().optional().describe('accept an enclave in debug mode, which its parent can read'),
  }),
  async run({ params, flags }, context) {
    const policy: AttestationPolicy = {
      ...(flags.root.length > 0 && { roots: await Promise.all(flags.root.map(readRoot)) }),
      ...(flags.at !== undefined && { time: parseTime(flags.at) }),
      ...(flags.maxAge !== undefined && { maxAgeMs: flags.maxAge * 1000 }),
      pcrs: parsePcrs(flags.pcr),
      ...(flags.nonce !== undefined && { nonce: parseHex(flags.nonce, '--nonce') }),
      ...(flags.userData !== undefined && { userData: parseHex(flags.userData, '--user-data') }),
      ...(flags.allowDebug && { allowDebug: true }),
    };
    const verdict = verifyAttestation(await readInput(params.document, '<document>'), policy);
    context.result(verdict, formatVerdict(verdict, context.width));
    return verdict.ok ? 'ok' : 'refused';
  },
});
