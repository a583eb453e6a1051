import * as z from 'zod';
import { datasetFolder } from '../datasets/schemas.ts';
import { Sha256 } from '../identifiers.ts';
import { LoaderMeasurements } from '../images/schemas.ts';
import { DatasetId } from '../ingest/schemas.ts';
import { ProjectId } from '../projects/schemas.ts';

/** Eleven hexadecimal digits of the time of the proposal and five random ones, so that ids sort by age. */
export const RunId = z.string().regex(/^er-[0-9a-f]{16}$/);

/** The role in a partner's account that reads the policy and the grants of its key, and nothing else. */
export const AUDITOR_ROLE = 'broch-enclave-auditor';

/** The loader that runs start from now, which somebody approved who did not build it. */
export const ApprovedLoader = z.object({
  /** The version of the machine image that holds it. */
  version: z.number().int().min(1),
  measurements: LoaderMeasurements,
});
export type ApprovedLoader = z.infer<typeof ApprovedLoader>;

export const Sha384 = z.string().regex(/^[0-9a-f]{96}$/);
const KeyArn = z.string().regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[A-Za-z0-9-]{1,64}$/);
/** A folder of the project's bucket that its machines can read. The SHA-256 in the manifest protects what lies there. */
const Key = z
  .string()
  .regex(/^data\/enclaves\/[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'a key such as data/enclaves/code.pack');

/** Where the instance of a run finds what it shall run. */
export const orderKey = (run: string): string => `data/enclaves/${run}.json`;
/** Where the outputs of a run lie in the project's bucket. Its machines cannot read there; the airlock takes exports from it. */
export const outputsPrefix = (run: string): string => `enclaves/${run}/outputs/`;
/** The airlock's request for the outputs of a run has the run's number. */
export const requestOf = (run: string): string => `al-${run.slice(3)}`;
/** Where the airlock keeps the signed record of a request that was released. */
export const releaseKey = (request: string): string => `released/${request}/release.json`;
export const evidenceKey = ({ project, id }: { project: string; id: string }): string => `runs/${project}/${id}.json`;

/** Something packed for the loader: the SHA-256 is that of the packed bytes, so neither party can exchange it. */
const PackedObject = z.strictObject({ key: Key, sha256: Sha256, bytes: z.number().int().min(1), kmsKey: KeyArn });

/** What both parties approve. Its SHA-384 over the canonical JSON (RFC 8785) is what the enclave measures into PCR16. */
export const RunManifest = z.strictObject({
  v: z.literal(1),
  run: RunId,
  project: ProjectId,
  /** The measurements of the loader's image. */
  loader: LoaderMeasurements,
  artefact: PackedObject,
  inputs: z
    .array(
      PackedObject.extend({
        dataset: DatasetId,
        version: Sha256,
      }),
    )
    .min(1)
    .max(20)
    .refine(
      inputs => new Set(inputs.map(datasetFolder)).size === inputs.length,
      'each version of a dataset once, because the code finds it at /data/<dataset>/<first 12 characters of the version>',
    ),
  outputs: z.strictObject({
    maxBytes: z.number().int().min(1),
    maxFiles: z.number().int().min(1).max(1000),
    /** The data owner's key: the owner reviews what leaves. */
    kmsKey: KeyArn,
  }),
  limits: z.strictObject({
    vcpus: z.number().int().min(1).max(64),
    memoryMiB: z.number().int().min(64).max(1_048_576),
    seconds: z.number().int().min(1).max(86_400),
  }),
  nonce: z.string().regex(/^[0-9a-f]{64}$/),
  notBefore: z.iso.datetime(),
  notAfter: z.iso.datetime(),
});
export type RunManifest = z.infer<typeof RunManifest>;

/** The two whose keys a run needs: who decides about the data, and who owns the code. */
export const RunParty = z.enum(['data', 'code']);
export type RunParty = z.infer<typeof RunParty>;

export const RunPerson = z.object({ id: z.string().min(1), name: z.string().min(1) });
export type RunPerson = z.infer<typeof RunPerson>;

/** Keys that a party bound to a run, in Base64, by the SHA-256 of what they open. Only an attested loader can use them. */
export const BoundKeys = z
  .record(z.string().max(64), z.base64().max(1024))
  .refine(
    keys => Object.keys(keys).length <= 21 && Object.keys(keys).every(hash => Sha256.safeParse(hash).success),
    'one key for each packed file, by its SHA-256',
  );

export const PartyApproval = z.object({
  by: RunPerson,
  at: z.iso.datetime(),
  /** The SHA-384 of the manifest that was approved. */
  manifest: Sha384,
  /** The grant on the party's key, with which the approval can be revoked. */
  grant: z.string().min(1).max(256),
  keys: BoundKeys,
});

const common = {
  id: RunId,
  project: ProjectId,
  manifest: RunManifest,
  digest: Sha384,
  parties: z.object({ data: RunPerson, code: RunPerson }),
  proposedBy: RunPerson,
  proposedAt: z.iso.datetime(),
  /** Until when each party decides. */
  deadlines: z.object({ data: z.iso.datetime(), code: z.iso.datetime() }),
  approvals: z.object({ data: PartyApproval.optional(), code: PartyApproval.optional() }),
};
/**
 * What the enclave signed about its outputs. `packed` is the size of the packed outputs, padded to a power of two. The number
 * of files and bytes is left out: code could use it to carry data out, because both parties see this before the review.
 */
export const SignedOutputs = z.strictObject({ packed: z.number().int().positive(), sha256: Sha256 });
export type SignedOutputs = z.infer<typeof SignedOutputs>;

const ending = { reason: z.string(), endedAt: z.iso.datetime() };
/** What the workflow learns while it goes on. */
const progress = {
  startedAt: z.iso.datetime(),
  instance: z.string().optional(),
  attestedAt: z.iso.datetime().optional(),
  module: z.string().optional(),
};

/** A run of a partner's code on an owner's data: proposed → authorised → running → completed, or an end with a reason. */
export const EnclaveRun = z.discriminatedUnion('status', [
  z.object({ status: z.literal('proposed'), ...common }),
  z.object({ status: z.literal('authorised'), ...common }),
  z.object({ status: z.literal('running'), ...common, ...progress }),
  z.object({
    status: z.literal('completed'),
    ...common,
    ...progress,
    /** The request in the airlock that holds the outputs. */
    request: z.string(),
    outputs: SignedOutputs,
    endedAt: z.iso.datetime(),
  }),
  z.object({ status: z.literal('refused'), ...common, ...ending, by: RunPerson }),
  z.object({ status: z.literal('lapsed'), ...common, ...ending }),
  z.object({ status: z.literal('failed'), ...common, ...ending, startedAt: z.iso.datetime().optional() }),
]);
export type EnclaveRun = z.infer<typeof EnclaveRun>;
