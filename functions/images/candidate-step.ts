import * as z from 'zod';
import { MalwareScanStart } from './malware.ts';
import { ImageRun } from './schemas.ts';

/** Thrown at the workflow, which asks again later: the machine, a command or a scan has not finished. */
export class Unfinished extends Error {
  override readonly name = 'Unfinished';
}

/** A run with its machine, and the command that runs the smoke tests on it. */
export const CandidateRun = ImageRun.extend({ instanceId: z.string() });
export const SmokeTestRun = CandidateRun.extend({ commandId: z.string() });

/** A run whose machine is searched for malware. */
export const ScanRun = CandidateRun.extend({ malware: MalwareScanStart });

/** The isolated network in which candidates are tested. */
const TestNetwork = z.object({
  vpc: z.string(),
  subnet: z.string(),
  /** For candidates: nothing comes in, and only HTTPS to the endpoints goes out. */
  group: z.string(),
  endpointGroup: z.string(),
  profile: z.string(),
  region: z.string(),
});
export type TestNetwork = z.infer<typeof TestNetwork>;

export const readTestNetwork = (json: string): TestNetwork => TestNetwork.parse(JSON.parse(json));
