import { type KeyPolicy, lintKeyPolicy, listOf, runContext } from './key-policy.ts';
import { expectedPcr3 } from './manifest.ts';
import { lintOutputsPolicy } from './outputs-policy.ts';
import type { EnclaveRun } from './schemas.ts';

/** A grant on a key, as KMS lists it. */
export interface ListedGrant {
  readonly id: string;
  readonly grantee: string;
  readonly operations: readonly string[];
  readonly contextEquals: Readonly<Record<string, string>>;
}

/** What KMS says about a key at this moment. */
export interface ObservedKey {
  readonly policy: KeyPolicy;
  readonly grants: readonly ListedGrant[];
}

export interface KeyRoles {
  /** The role of the project's instances. */
  readonly parent: string;
  /** The role that brings outputs to the airlock. */
  readonly opener: string;
}

/** The keys that a run decrypts with, each once. */
export const keysOfInputs = ({ manifest }: EnclaveRun): string[] => [
  ...new Set([manifest.artefact, ...manifest.inputs].map(({ kmsKey }) => kmsKey)),
];
/** All keys of a run, each once. */
export const keysOfRun = (run: EnclaveRun): string[] => [
  ...new Set([...keysOfInputs(run), run.manifest.outputs.kmsKey]),
];

/** Whether a grant is the approval of this run: for these instances, this run and its manifest, and nothing else. */
export function isApproval(
  { grantee, operations, contextEquals }: ListedGrant,
  run: Pick<EnclaveRun, 'id' | 'digest'>,
  parent: string,
): boolean {
  const context = Object.entries(runContext(run.id, run.digest));
  return (
    grantee === parent &&
    operations.includes('Decrypt') &&
    Object.keys(contextEquals).length === context.length &&
    context.every(([name, value]) => contextEquals[name] === value)
  );
}

const valuesOf = (policy: KeyPolicy, key: string): string[] =>
  policy.Statement.filter(({ Effect }) => Effect === 'Deny')
    .flatMap(({ Condition }) => Object.values(Condition ?? {}))
    .flatMap(test => listOf(test[key]));

/** What keeps a run from starting, as sentences: a policy that opens a key to others, or an approval that is gone. */
export function judgeKeys(run: EnclaveRun, observed: Readonly<Record<string, ObservedKey>>, roles: KeyRoles): string[] {
  const { loader, outputs } = run.manifest;
  const inputs = keysOfInputs(run);
  return keysOfRun(run).flatMap(key => {
    const observation = observed[key];
    if (!observation) return [`Key ${key}: its policy cannot be read.`];
    const { policy, grants } = observation;
    const problems = key === outputs.kmsKey && !inputs.includes(key) ? lintOutputsPolicy(policy, roles.opener) : [];
    if (inputs.includes(key)) {
      problems.push(...lintKeyPolicy(policy));
      if (key === outputs.kmsKey) problems.push('It is the key of packed files, so nobody could open outputs with it.');
      if (!valuesOf(policy, 'kms:RecipientAttestation:PCR0').includes(loader.pcr0))
        problems.push('Its policy does not permit the loader of the manifest (PCR0).');
      if (valuesOf(policy, 'kms:RecipientAttestation:PCR3').some(value => value !== expectedPcr3(roles.parent)))
        problems.push('Its policy permits instances of another role than that of the project (PCR3).');
      if (!grants.some(grant => isApproval(grant, run, roles.parent)))
        problems.push('No grant permits this run with this manifest: its party did not approve it, or took it back.');
    }
    return problems.map(problem => `Key ${key}: ${problem}`);
  });
}
