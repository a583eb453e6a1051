import { describe, expect, it } from 'vitest';
import { judgeKeys, type ObservedKey } from '../../functions/enclaves/key-check.ts';
import { buildKeyPolicy, type KeyPolicy, type KeyStatement, runContext } from '../../functions/enclaves/key-policy.ts';
import { expectedPcr3 } from '../../functions/enclaves/manifest.ts';
import { buildOutputsPolicy, lintOutputsPolicy } from '../../functions/enclaves/outputs-policy.ts';
import type { EnclaveRun } from '../../functions/enclaves/schemas.ts';
import { authorizeKeyCall } from '../../local/enclaves/key-authorization.ts';
import { digest, manifest, proposal } from './runs.ts';

const role = (name: string) => `arn:aws:iam::000000000000:role/${name}`;
const roles = { parent: role('parent'), opener: role('opener') };
const common = { adminRole: role('admin'), auditorRole: role('auditor'), parentRole: roles.parent };
const { pcr0 } = manifest.loader;
const inputPolicy = buildKeyPolicy({ ...common, approverRole: role('approver'), pcr0: [pcr0] });
const outputsPolicyFor = (change: object) =>
  buildOutputsPolicy({ ...common, openerRole: roles.opener, pcr0: [pcr0], ...change });
const outputsPolicy = outputsPolicyFor({});
const outputsKey = 'arn:aws:kms:eu-west-2:000000000000:key/outputs';
const run = {
  ...proposal,
  id: manifest.run,
  digest,
  manifest: { ...manifest, outputs: { ...manifest.outputs, kmsKey: outputsKey } },
} as unknown as EnclaveRun;
const grant = {
  id: 'grant',
  grantee: roles.parent,
  operations: ['Decrypt', 'GenerateDataKey'],
  contextEquals: runContext(manifest.run, digest),
};
const input: ObservedKey = { policy: inputPolicy, grants: [grant] };
const [codeKey, dataKey] = [manifest.artefact.kmsKey, manifest.inputs[0]?.kmsKey ?? ''];
const sound = { [codeKey]: input, [dataKey]: input, [outputsKey]: { policy: outputsPolicy, grants: [] } };
const policyWithout = (policy: KeyPolicy, sid: string): KeyPolicy => ({
  ...policy,
  Statement: policy.Statement.filter(({ Sid }) => Sid !== sid),
});

/** The policy with another condition in one statement. */
const withCondition = (policy: KeyPolicy, sid: string, Condition: KeyStatement['Condition']): KeyPolicy => ({
  ...policy,
  Statement: policy.Statement.map(({ Condition: previous, ...statement }) => {
    const condition = statement.Sid === sid ? Condition : previous;
    return { ...statement, ...(condition && { Condition: condition }) };
  }),
});
const withoutCondition = (policy: KeyPolicy, sid: string) => withCondition(policy, sid, undefined);

describe('the keys of a run', () => {
  it('permit it as their owners intend', () => expect(judgeKeys(run, sound, roles)).toEqual([]));

  it.each<[string, Record<string, ObservedKey>, RegExp]>([
    ['a key that cannot be read', { [dataKey]: undefined as unknown as ObservedKey }, /cannot be read/],
    ['a revoked grant', { [dataKey]: { ...input, grants: [] } }, /No grant permits/],
    [
      'a grant to another role',
      { [codeKey]: { ...input, grants: [{ ...grant, grantee: role('other') }] } },
      /No grant/,
    ],
    [
      'a grant for another run',
      { [codeKey]: { ...input, grants: [{ ...grant, contextEquals: runContext('er-0000000000000000', digest) }] } },
      /No grant/,
    ],
    ['a grant for any run', { [codeKey]: { ...input, grants: [{ ...grant, contextEquals: {} }] } }, /No grant/],
    [
      'a policy without its denial',
      { [dataKey]: { ...input, policy: policyWithout(inputPolicy, 'DenyDecryptUnlessAttested') } },
      /PCR0/,
    ],
    [
      'a policy for another loader',
      {
        [dataKey]: {
          ...input,
          policy: buildKeyPolicy({ ...common, approverRole: role('approver'), pcr0: ['d'.repeat(96)] }),
        },
      },
      /does not permit the loader/,
    ],
    [
      'a policy for instances of another role',
      {
        [dataKey]: {
          ...input,
          policy: buildKeyPolicy({ ...common, parentRole: role('b'), approverRole: role('approver'), pcr0: [pcr0] }),
        },
      },
      /do not have the role/,
    ],
    [
      'outputs that anybody opens',
      { [outputsKey]: { policy: policyWithout(outputsPolicy, 'DenyOpeningByOthers'), grants: [] } },
      /denies kms:Decrypt/,
    ],
    [
      'a key for outputs that encrypts for anybody on the instance',
      { [outputsKey]: { policy: withoutCondition(outputsPolicy, 'SealOutputs'), grants: [] } },
      /GenerateDataKey without an attestation/,
    ],
    [
      'a key for outputs that encrypts for any instance with the loader',
      {
        [outputsKey]: {
          policy: withCondition(outputsPolicy, 'SealOutputs', {
            StringEqualsIgnoreCase: { 'kms:RecipientAttestation:PCR0': pcr0 },
          }),
          grants: [],
        },
      },
      /GenerateDataKey without an attestation/,
    ],
    [
      'a key for outputs of another loader',
      { [outputsKey]: { policy: outputsPolicyFor({ pcr0: ['d'.repeat(96)] }), grants: [] } },
      /does not permit the loader/,
    ],
    [
      'a key for outputs of instances of another role',
      { [outputsKey]: { policy: outputsPolicyFor({ parentRole: role('b') }), grants: [] } },
      /do not have the role/,
    ],
    ['outputs under a key of inputs', { [outputsKey]: input }, /denies kms:Decrypt to everyone but the function/],
  ])('%s keeps the run from starting', (_, change, reason) =>
    expect(judgeKeys(run, { ...sound, ...change }, roles).join('\n')).toMatch(reason),
  );
});

describe('the key of outputs', () => {
  const attested = {
    'kms:RecipientAttestation:PCR0': [pcr0],
    'kms:RecipientAttestation:PCR3': [expectedPcr3(roles.parent)],
  };
  const judge = (action: string, principal: string, conditions: Record<string, readonly string[]> = {}) =>
    authorizeKeyCall(outputsPolicy, [], { action: `kms:${action}`, principal, conditions });

  it('is used by the attested loader to encrypt, and by one function to decrypt', () => {
    expect(judge('GenerateDataKey', roles.parent, attested)).toBeUndefined();
    expect(judge('Decrypt', roles.opener)).toBeUndefined();
    expect(lintOutputsPolicy(outputsPolicy, roles.opener)).toEqual([]);
  });

  it.each<[string, string, Record<string, readonly string[]>?]>([
    ['Decrypt', 'arn:aws:iam::000000000000:root'],
    ['Decrypt', role('admin')],
    ['Decrypt', roles.parent, attested],
    ['ReEncryptFrom', roles.opener],
    ['CreateGrant', role('admin')],
    ['GenerateDataKey', roles.parent],
    ['GenerateDataKey', roles.parent, { ...attested, 'kms:RecipientAttestation:PCR0': ['0'.repeat(96)] }],
    ['GenerateDataKey', roles.parent, { ...attested, 'kms:RecipientAttestation:PCR3': ['1'.repeat(96)] }],
    ['GenerateDataKey', role('other'), attested],
  ])('denies %s to %s', (action, principal, conditions) => expect(judge(action, principal, conditions)).toBeDefined());
});
