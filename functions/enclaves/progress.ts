import type { AttestationVerdict } from './attestation.ts';
import { verifyAttestation } from './attestation.ts';
import { expectedPcr3, expectedPcr16 } from './manifest.ts';
import type { ReportTimes } from './parent-reports.ts';
import type { EnclaveRun } from './schemas.ts';

/** How long an instance may take until its first report, and be silent afterwards. */
const FIRST_REPORT_MS = 20 * 60_000;
const SILENCE_MS = 5 * 60_000;
/** How old an attestation may be when it is first seen. */
const FRESH_MS = 15 * 60_000;
/** How long launch, unpacking and packing may take besides the code itself. */
export const OVERHEAD_MINUTES = 60;

/** What to do with a run after a look at what its instance reports. */
export type RunProgress =
  | { readonly next: 'wait' | 'attest' | 'seal' }
  | { readonly next: 'fail'; readonly reason: string };

const fail = (reason: string): RunProgress => ({ next: 'fail', reason });

/** Judges a running run by the times of its instance's reports. */
export function judgeProgress(run: EnclaveRun, reports: ReportTimes, now: number): RunProgress {
  if (run.status === 'refused') return fail(`${run.by.name} took the approval back: ${run.reason}`);
  if (run.status !== 'running') return fail(`The run is ${run.status}.`);
  const started = Date.parse(run.startedAt);
  // First, also where the loader failed: an attestation that is refused says more than what follows from it.
  if (run.attestedAt === undefined && reports.attestation !== undefined) return { next: 'attest' };
  if (reports.failure !== undefined && reports.result === undefined) return fail('');
  if (run.attestedAt !== undefined && reports.result !== undefined && reports.outputs !== undefined)
    return { next: 'seal' };
  if (now > started + run.manifest.limits.seconds * 1000 + OVERHEAD_MINUTES * 60_000)
    return fail('The run did not end in the time of its manifest.');
  if (reports.heartbeat === undefined && now > started + FIRST_REPORT_MS)
    return fail('The instance did not report. The image enclave-parent may be faulty.');
  if (reports.heartbeat !== undefined && now > reports.heartbeat + SILENCE_MS)
    return fail('The instance stopped reporting.');
  return { next: 'wait' };
}

/** Judges the attestation of a run at this time: the loader, the instance's role, the manifest, and that it is fresh. */
export function judgeAttestation(
  { manifest, digest }: EnclaveRun,
  document: Uint8Array,
  { roots, parent, time }: { roots: readonly string[]; parent: string; time: number },
): AttestationVerdict {
  const bytes = (hex: string) => [Buffer.from(hex, 'hex')];
  const { pcr0, pcr1, pcr2 } = manifest.loader;
  return verifyAttestation(document, {
    ...(roots.length > 0 && { roots }),
    time,
    maxAgeMs: FRESH_MS,
    pcrs: new Map([
      [0, bytes(pcr0)],
      [1, bytes(pcr1)],
      [2, bytes(pcr2)],
      [3, bytes(expectedPcr3(parent))],
      [16, bytes(expectedPcr16(digest))],
    ]),
    nonce: Buffer.from(manifest.nonce, 'hex'),
    userData: Buffer.from(digest, 'hex'),
    needsRecipientKey: true,
  });
}
