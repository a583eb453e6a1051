import { type KeyPolicy, type KeyStatement, lintKeyPolicy, listOf, runContext } from './key-policy.ts';
import { expectedPcr3 } from './manifest.ts';
import { lintOutputsPolicy, sealingStatements } from './outputs-policy.ts';
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
function isApproval(
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

/** The statements of a policy that deny something. In the policy of a key for inputs they say what must be attested. */
const denials = ({ Statement }: KeyPolicy) => Statement.filter(({ Effect }) => Effect === 'Deny');

/** Whether statements permit the loader of the manifest, on instances of the project's role only. */
function judgeMeasurements(statements: readonly KeyStatement[], pcr0: string, parent: string): string[] {
  const tests = statements.flatMap(({ Condition }) => Object.values(Condition ?? {}));
  const valuesOf = (register: string) =>
    tests.flatMap(test => listOf(test[`kms:RecipientAttestation:${register}`])).map(value => value.toLowerCase());
  return [
    ...(valuesOf('PCR0').includes(pcr0) ? [] : ['Its policy does not permit the loader of the manifest (PCR0).']),
    ...(valuesOf('PCR3').every(value => value === expectedPcr3(parent))
      ? []
      : ['Its policy permits instances that do not have the role of the project (PCR3).']),
  ];
}

/** What keeps a run from starting, as sentences: a policy that opens a key to others, or an approval that is gone. */
export function judgeKeys(run: EnclaveRun, observed: Readonly<Record<string, ObservedKey>>, roles: KeyRoles): string[] {
  const { loader, outputs } = run.manifest;
  const inputs = keysOfInputs(run);
  return keysOfRun(run).flatMap(key => {
    const observation = observed[key];
    if (!observation) return [`Key ${key}: its policy cannot be read.`];
    const { policy, grants } = observation;
    const problems: string[] = [];
    if (key === outputs.kmsKey && !inputs.includes(key)) {
      problems.push(...lintOutputsPolicy(policy, roles.opener));
      problems.push(...judgeMeasurements(sealingStatements(policy), loader.pcr0, roles.parent));
    }
    if (inputs.includes(key)) {
      problems.push(...lintKeyPolicy(policy));
      if (key === outputs.kmsKey) problems.push('It is the key of packed files, so nobody could open outputs with it.');
      problems.push(...judgeMeasurements(denials(policy), loader.pcr0, roles.parent));
      if (!grants.some(grant => isApproval(grant, run, roles.parent)))
        problems.push('No grant permits this run with this manifest: its party did not approve it, or took it back.');
    }
    return problems.map(problem => `Key ${key}: ${problem}`);
  });
}
