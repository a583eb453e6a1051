import * as z from 'zod';
import { contract } from '../contract.ts';
import { ProjectId } from '../projects/schemas.ts';
import { RunId, RunParty, RunPerson, Sha384, SignedOutputs } from './schemas.ts';

const run = z.object({ run: RunId, project: ProjectId, manifest: Sha384, at: z.iso.datetime() });
const person = { by: z.string(), byName: z.string() };

/** A run was proposed: two parties decide about its manifest. */
export const RunProposed = contract(
  'broch.enclaves',
  'RunProposed',
  run.extend({ ...person, data: z.string(), code: z.string() }),
);

/** One party approved the manifest and granted its key. */
export const RunApproved = contract('broch.enclaves', 'RunApproved', run.extend({ ...person, party: RunParty }));

/** Both parties approved: the workflow may start the run, once. */
export const RunAuthorised = contract('broch.enclaves', 'RunAuthorised', run);

/** A party refused the run, or took its approval back before the run began. */
export const RunRefused = contract(
  'broch.enclaves',
  'RunRefused',
  run.extend({ ...person, party: RunParty, reason: z.string() }),
);

/** A party did not decide in time, or nobody started the run before its manifest ended. */
export const RunLapsed = contract('broch.enclaves', 'RunLapsed', run.extend({ reason: z.string() }));

/** The enclave proved what it is, and for which manifest. */
export const RunAttested = contract('broch.enclaves', 'RunAttested', run.extend({ module: z.string() }));

/** The outputs are in the airlock. */
export const RunCompleted = contract(
  'broch.enclaves',
  'RunCompleted',
  run.extend({
    request: z.string(),
    /** Who proposed the run, and whose request it is. */
    requester: RunPerson,
    outputs: SignedOutputs,
  }),
);

/** A run ended without outputs. */
export const RunFailed = contract('broch.enclaves', 'RunFailed', run.extend({ reason: z.string() }));
