import * as z from 'zod';
import { TestNetwork } from './candidate.ts';
import { MalwareScanStart } from './malware.ts';
import { ImageRun } from './store.ts';

/** Thrown at the workflow, which asks again later: the machine, a command or a scan has not finished. */
export class Unfinished extends Error {
  override readonly name = 'Unfinished';
}

/** A run with its machine, and the command that runs the smoke tests on it. */
export const CandidateRun = ImageRun.extend({ instanceId: z.string() });
export const SmokeTestRun = CandidateRun.extend({ commandId: z.string() });

/** A run whose machine is searched for malware. */
export const ScanRun = CandidateRun.extend({ malware: MalwareScanStart });

export const readTestNetwork = (json: string): TestNetwork => TestNetwork.parse(JSON.parse(json));
