import { expectedPcr3 } from './manifest.ts';

type Values = string | readonly string[];
export interface KeyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal: '*' | Readonly<Record<string, Values>>;
  readonly Action: Values;
  readonly Resource: Values;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, Values>>>>;
}
export interface KeyPolicy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly KeyStatement[];
}

export interface KeyParty {
  /** The role that manages the key, and cannot use it. */
  readonly adminRole: string;
  /** The role that reads this policy before each run, and revokes the grants after it. */
  readonly auditorRole: string;
  /** The role that packs, and approves runs: the party's own. */
  readonly approverRole: string;
  /** The role of the instances that run enclaves, in the operator's account. */
  readonly parentRole: string;
  /** The permitted loaders. */
  readonly pcr0: readonly string[];
}

const ATTESTED = 'kms:RecipientAttestation:PCR0';
const PARENT = 'kms:RecipientAttestation:PCR3';
const RUN_OPERATIONS = ['Decrypt', 'GenerateDataKey'];

/**
 * The policy of a party's key, the same for both. Nobody decrypts with the key but an attested loader on the agreed
 * instances, not even an administrator or the root of the account: a denial outweighs every permission and every grant, and
 * the negated conditions also hold for a call without an attestation. A grant names a run and its manifest, so it is the
 * approval; to revoke it is to take the approval back.
 */
export function buildKeyPolicy({ adminRole, auditorRole, approverRole, parentRole, pcr0 }: KeyParty): KeyPolicy {
  const resource = { Resource: '*' } as const;
  const pcr3 = expectedPcr3(parentRole);
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'ManageKey',
        Effect: 'Allow',
        Principal: { AWS: adminRole },
        Action: [
          'kms:DescribeKey',
          'kms:GetKeyPolicy',
          'kms:PutKeyPolicy',
          'kms:ScheduleKeyDeletion',
          'kms:CancelKeyDeletion',
          'kms:TagResource',
          'kms:ListGrants',
          'kms:RevokeGrant',
        ],
        ...resource,
      },
      {
        Sid: 'Audit',
        Effect: 'Allow',
        Principal: { AWS: auditorRole },
        Action: ['kms:GetKeyPolicy', 'kms:ListGrants', 'kms:RevokeGrant'],
        ...resource,
      },
      {
        Sid: 'Pack',
        Effect: 'Allow',
        Principal: { AWS: approverRole },
        Action: ['kms:DescribeKey', 'kms:GetKeyPolicy', 'kms:GenerateDataKey'],
        ...resource,
      },
      {
        Sid: 'BindToRun',
        Effect: 'Allow',
        Principal: { AWS: approverRole },
        Action: ['kms:ReEncryptFrom', 'kms:ReEncryptTo'],
        ...resource,
        Condition: { Bool: { 'kms:ReEncryptOnSameKey': 'true' } },
      },
      {
        Sid: 'ApproveRuns',
        Effect: 'Allow',
        Principal: { AWS: approverRole },
        Action: 'kms:CreateGrant',
        ...resource,
        Condition: {
          StringEquals: { 'kms:GranteePrincipal': parentRole, 'kms:GrantConstraintType': 'EncryptionContextEquals' },
          'ForAllValues:StringEquals': { 'kms:GrantOperations': RUN_OPERATIONS },
        },
      },
      {
        Sid: 'RevokeRuns',
        Effect: 'Allow',
        Principal: { AWS: approverRole },
        Action: ['kms:ListGrants', 'kms:RevokeGrant'],
        ...resource,
      },
      denial('DenyDecryptUnlessAttested', ['kms:Decrypt', 'kms:DeriveSharedSecret'], {
        StringNotEqualsIgnoreCase: { [ATTESTED]: pcr0 },
      }),
      denial('DenyDecryptFromOtherRole', ['kms:Decrypt', 'kms:DeriveSharedSecret'], {
        StringNotEqualsIgnoreCase: { [PARENT]: pcr3 },
      }),
      denial('DenyKeysOfParentUnlessAttested', ['kms:GenerateDataKey'], {
        ArnEquals: { 'aws:PrincipalArn': parentRole },
        StringNotEqualsIgnoreCase: { [ATTESTED]: pcr0 },
      }),
      denial('DenyReEncryptElsewhere', ['kms:ReEncryptFrom'], { Bool: { 'kms:ReEncryptOnSameKey': 'false' } }),
      denial(
        'DenyUnattestableKeys',
        ['kms:GenerateDataKeyWithoutPlaintext', 'kms:GenerateDataKeyPair', 'kms:Encrypt'],
        undefined,
      ),
    ],
  };
}

const denial = (
  Sid: string,
  Action: readonly string[],
  Condition: KeyStatement['Condition'] | undefined,
): KeyStatement => ({
  Sid,
  Effect: 'Deny',
  Principal: '*',
  Action,
  Resource: '*',
  ...(Condition && { Condition }),
});

export const listOf = (values: Values | undefined): readonly string[] =>
  values === undefined ? [] : typeof values === 'string' ? [values] : values;
const isEveryone = ({ Principal }: KeyStatement) =>
  Principal === '*' || Object.values(Principal).some(value => listOf(value).includes('*'));
const actionsOf = ({ Action }: KeyStatement) => listOf(Action);

/** Whether a denial of decryption has nothing but a negated condition on the key of an attestation. */
function isDenialUnless(statement: KeyStatement, key: string): boolean {
  const conditions = Object.entries(statement.Condition ?? {});
  const [operator, test] = conditions[0] ?? [];
  return (
    statement.Effect === 'Deny' &&
    isEveryone(statement) &&
    actionsOf(statement).includes('kms:Decrypt') &&
    listOf(statement.Resource).includes('*') &&
    conditions.length === 1 &&
    (operator === 'StringNotEqualsIgnoreCase' || operator === 'StringNotEquals') &&
    Object.keys(test ?? {}).join() === key
  );
}

const attestedValues = ({ Condition }: KeyStatement): [string, string][] =>
  Object.values(Condition ?? {})
    .flatMap(test => Object.entries(test))
    .filter(([key]) => key.startsWith('kms:RecipientAttestation:'))
    .flatMap(([key, values]) => listOf(values).map((value): [string, string] => [key, value]));

/** What is wrong with a key policy, as sentences; empty if a run may rely on it. */
export function lintKeyPolicy(policy: KeyPolicy): string[] {
  const problems: string[] = [];
  for (const [key, name] of [
    [ATTESTED, 'the loader (PCR0)'],
    [PARENT, 'the role of the instance (PCR3)'],
  ] as const)
    if (!policy.Statement.some(statement => isDenialUnless(statement, key)))
      problems.push(`No statement denies kms:Decrypt to everyone unless ${name} is attested.`);
  if (!policy.Statement.some(isReEncryptDenial))
    problems.push('No statement denies kms:ReEncryptFrom to another key, which would need no attestation.');
  for (const [index, statement] of policy.Statement.entries())
    problems.push(...lintStatement(statement).map(problem => `Statement ${statement.Sid ?? index + 1} ${problem}.`));
  return problems;
}

const isReEncryptDenial = ({ Condition, ...statement }: KeyStatement) =>
  statement.Effect === 'Deny' &&
  isEveryone(statement) &&
  actionsOf(statement).includes('kms:ReEncryptFrom') &&
  JSON.stringify(Condition) === JSON.stringify({ Bool: { 'kms:ReEncryptOnSameKey': 'false' } });

export function lintStatement(statement: KeyStatement): string[] {
  const problems: string[] = [];
  for (const negation of ['NotPrincipal', 'NotAction', 'NotResource'])
    if (negation in statement) problems.push(`has ${negation}, which permits what it does not name`);
  for (const [key, value] of attestedValues(statement)) {
    if (!/^[0-9a-f]{96}$/i.test(value)) problems.push(`compares ${key} with a value that is no measurement`);
    else if (/^0+$/.test(value)) problems.push(`accepts a ${key} of zeros, which is a debug enclave`);
  }
  if (statement.Effect === 'Deny') return problems;
  if (isEveryone(statement)) problems.push('permits something to everyone');
  if (actionsOf(statement).some(action => action.includes('*'))) problems.push('permits actions by a wildcard');
  if (actionsOf(statement).some(action => /^kms:(Decrypt|DeriveSharedSecret)$/i.test(action)))
    problems.push('permits kms:Decrypt directly; only grants may');
  const equals = statement.Condition?.StringEquals ?? {};
  const operations = listOf(statement.Condition?.['ForAllValues:StringEquals']?.['kms:GrantOperations']);
  if (actionsOf(statement).includes('kms:CreateGrant')) {
    if (!('kms:GranteePrincipal' in equals)) problems.push('permits grants to anybody');
    if (operations.length === 0 || !operations.every(operation => RUN_OPERATIONS.includes(operation)))
      problems.push('permits grants of more than Decrypt and GenerateDataKey');
    if (!('kms:GrantConstraintType' in equals)) problems.push('permits grants that name no run');
  }
  return problems;
}

/** The encryption context that binds a data key to one run and its manifest. */
export const runContext = (run: string, manifest: string): Record<string, string> => ({
  'broch:run': run,
  'broch:manifest': manifest,
});
