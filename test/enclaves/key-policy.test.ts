import { describe, expect, it } from 'vitest';
import {
  buildKeyPolicy,
  type KeyPolicy,
  type KeyStatement,
  lintKeyPolicy,
  runContext,
} from '../../functions/enclaves/key-policy.ts';
import { expectedPcr3 } from '../../functions/enclaves/manifest.ts';
import { authorizeKeyCall, type KeyCall } from '../../local/enclaves/key-authorization.ts';
import { digest } from './runs.ts';

const roles = {
  adminRole: 'arn:aws:iam::111122223333:role/key-admin',
  approverRole: 'arn:aws:iam::111122223333:role/approver',
  auditorRole: 'arn:aws:iam::111122223333:role/broch-enclave-auditor',
  parentRole: 'arn:aws:iam::000000000000:role/broch-parent',
};
const pcr0 = 'a'.repeat(96);
const policy = buildKeyPolicy({ ...roles, pcr0: [pcr0] });
const context = runContext('er-0123456789abcdef', digest);
const grants = [
  { id: 'grant', grantee: roles.parentRole, operations: ['Decrypt', 'GenerateDataKey'], contextEquals: context },
];
const attested = {
  'kms:RecipientAttestation:PCR0': [pcr0],
  'kms:RecipientAttestation:PCR3': [expectedPcr3(roles.parentRole)],
};
const call: KeyCall = {
  action: 'kms:Decrypt',
  principal: roles.parentRole,
  encryptionContext: context,
  conditions: attested,
};
const judgeCall = (change: Partial<KeyCall>, permits = grants) =>
  authorizeKeyCall(policy, permits, { ...call, ...change });

describe('a key with the generated policy', () => {
  it.each<[string, Partial<KeyCall>]>([
    ['decrypts for the attested loader with a grant for the run', {}],
    [
      'compares measurements without regard to case',
      { conditions: { ...attested, 'kms:RecipientAttestation:PCR0': [pcr0.toUpperCase()] } },
    ],
    ['gives its loader a key for outputs', { action: 'kms:GenerateDataKey' }],
    [
      'gives the approver a key to pack with',
      { action: 'kms:GenerateDataKey', principal: roles.approverRole, conditions: {} },
    ],
    [
      'binds a key to a run',
      {
        action: 'kms:ReEncryptFrom',
        principal: roles.approverRole,
        conditions: { 'kms:ReEncryptOnSameKey': ['true'] },
      },
    ],
    [
      'takes an approval',
      {
        action: 'kms:CreateGrant',
        principal: roles.approverRole,
        conditions: {
          'kms:GranteePrincipal': [roles.parentRole],
          'kms:GrantConstraintType': ['EncryptionContextEquals'],
          'kms:GrantOperations': ['Decrypt'],
        },
      },
    ],
  ])('%s', (_, change) => expect(judgeCall(change)).toBeUndefined());

  it.each<[string, Partial<KeyCall>]>([
    ['a call without an attestation', { conditions: {} }],
    ['another loader', { conditions: { ...attested, 'kms:RecipientAttestation:PCR0': ['b'.repeat(96)] } }],
    ['a debug enclave', { conditions: { ...attested, 'kms:RecipientAttestation:PCR0': ['0'.repeat(96)] } }],
    ['an attestation that does not measure the role', { conditions: { 'kms:RecipientAttestation:PCR0': [pcr0] } }],
    [
      'an enclave on an instance with another role',
      { conditions: { ...attested, 'kms:RecipientAttestation:PCR3': [expectedPcr3(roles.adminRole)] } },
    ],
    ['another role', { principal: 'arn:aws:iam::000000000000:role/other' }],
    ['another run', { encryptionContext: runContext('er-ffffffffffffffff', digest) }],
    ['another manifest', { encryptionContext: runContext('er-0123456789abcdef', '0'.repeat(96)) }],
    ['no encryption context', { encryptionContext: {} }],
    ['more encryption context', { encryptionContext: { ...context, more: 'x' } }],
    ['the administrator of the key', { principal: roles.adminRole }],
    ['the administrator without an attestation', { principal: roles.adminRole, conditions: {} }],
    ['the root of the account', { principal: 'arn:aws:iam::111122223333:root' }],
    ['the approver', { principal: roles.approverRole }],
    ['the parent itself, for a key for outputs', { action: 'kms:GenerateDataKey', conditions: {} }],
    [
      're-encryption under another key',
      {
        action: 'kms:ReEncryptFrom',
        principal: roles.approverRole,
        conditions: { 'kms:ReEncryptOnSameKey': ['false'] },
      },
    ],
    [
      'an approval that grants itself to another',
      {
        action: 'kms:CreateGrant',
        principal: roles.approverRole,
        conditions: {
          'kms:GranteePrincipal': [roles.approverRole],
          'kms:GrantConstraintType': ['EncryptionContextEquals'],
          'kms:GrantOperations': ['Decrypt'],
        },
      },
    ],
    [
      'an approval without a run',
      {
        action: 'kms:CreateGrant',
        principal: roles.approverRole,
        conditions: { 'kms:GranteePrincipal': [roles.parentRole], 'kms:GrantOperations': ['Decrypt'] },
      },
    ],
    ['an approval by the administrator', { action: 'kms:CreateGrant', principal: roles.adminRole }],
  ])('refuses %s', (_, change) => expect(judgeCall(change)).toBeDefined());

  it('refuses an attested loader after its grant was revoked', () =>
    expect(judgeCall({}, [])).toMatch(/no key policy or grant/));
});

/** The policy with one statement replaced. */
const changeStatement = (sid: string, change: (statement: KeyStatement) => object | undefined): KeyPolicy => ({
  ...policy,
  Statement: policy.Statement.flatMap(statement =>
    statement.Sid === sid ? ((change(statement) as KeyStatement | undefined) ?? []) : statement,
  ),
});

describe('the linter of key policies', () => {
  it('finds nothing in the generated policy', () => expect(lintKeyPolicy(policy)).toEqual([]));

  it.each<[string, KeyPolicy, RegExp]>([
    ['no denial unless attested', changeStatement('DenyDecryptUnlessAttested', () => undefined), /unless the loader/],
    ['no denial of other roles', changeStatement('DenyDecryptFromOtherRole', () => undefined), /unless the role/],
    [
      'a denial with an exception',
      changeStatement('DenyDecryptUnlessAttested', statement => ({
        ...statement,
        Condition: { ...statement.Condition, StringNotEquals: { 'aws:PrincipalArn': roles.adminRole } },
      })),
      /unless the loader/,
    ],
    [
      'a denial for one principal only',
      changeStatement('DenyDecryptUnlessAttested', statement => ({
        ...statement,
        Principal: { AWS: roles.parentRole },
      })),
      /unless the loader/,
    ],
    ['no denial of re-encryption', changeStatement('DenyReEncryptElsewhere', () => undefined), /ReEncryptFrom/],
    ['a measurement of zeros', buildKeyPolicy({ ...roles, pcr0: [pcr0, '0'.repeat(96)] }), /zeros/],
    ['a short measurement', buildKeyPolicy({ ...roles, pcr0: ['ab'] }), /no measurement/],
    ['a wildcard principal', changeStatement('Pack', statement => ({ ...statement, Principal: '*' })), /everyone/],
    [
      'a wildcard in a list of principals',
      changeStatement('Pack', statement => ({ ...statement, Principal: { AWS: ['*'] } })),
      /everyone/,
    ],
    ['a wildcard action', changeStatement('ManageKey', statement => ({ ...statement, Action: 'kms:*' })), /wildcard/],
    [
      'decryption without a grant',
      changeStatement('Pack', statement => ({ ...statement, Action: ['kms:Decrypt'] })),
      /directly/,
    ],
    ['NotPrincipal', changeStatement('Pack', statement => ({ ...statement, NotPrincipal: '*' })), /NotPrincipal/],
    [
      'grants to anybody',
      changeStatement('ApproveRuns', ({ Condition: _, ...statement }) => statement),
      /grants to anybody/,
    ],
    [
      'grants without a run',
      changeStatement('ApproveRuns', statement => ({
        ...statement,
        Condition: { ...statement.Condition, StringEquals: { 'kms:GranteePrincipal': roles.parentRole } },
      })),
      /name no run/,
    ],
  ])('finds %s', (_, variant, problem) => expect(lintKeyPolicy(variant).join('\n')).toMatch(problem));
});
