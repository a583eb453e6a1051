import type { KeyPolicy, KeyStatement } from './key-policy.ts';
import { lintStatement, listOf } from './key-policy.ts';
import { expectedPcr3 } from './manifest.ts';

export interface OutputsParty {
  /** The role that manages the key, and cannot use it. */
  readonly adminRole: string;
  /** The role that reads this policy before each run. */
  readonly auditorRole: string;
  /** The role that unpacks the outputs into the airlock. */
  readonly openerRole: string;
  /** The role of the instances that run enclaves. */
  readonly parentRole: string;
  /** The permitted loaders. */
  readonly pcr0: readonly string[];
}

const statementFor = (
  Sid: string,
  Effect: 'Allow' | 'Deny',
  Principal: KeyStatement['Principal'],
  Action: readonly string[],
  Condition?: KeyStatement['Condition'],
): KeyStatement => ({ Sid, Effect, Principal, Action, Resource: '*', ...(Condition && { Condition }) });

/**
 * The policy of the data owner's key for outputs. Only an attested loader makes data keys with it, and only the function
 * that brings the outputs to the airlock decrypts them, so nobody reads outputs past the airlock.
 */
export function buildOutputsPolicy({ adminRole, auditorRole, openerRole, parentRole, pcr0 }: OutputsParty): KeyPolicy {
  const attested = {
    'kms:RecipientAttestation:PCR0': pcr0,
    'kms:RecipientAttestation:PCR3': expectedPcr3(parentRole),
  };
  return {
    Version: '2012-10-17',
    Statement: [
      statementFor('ManageKey', 'Allow', { AWS: adminRole }, [
        ...['kms:DescribeKey', 'kms:GetKeyPolicy', 'kms:PutKeyPolicy', 'kms:ScheduleKeyDeletion'],
        ...['kms:CancelKeyDeletion', 'kms:TagResource'],
      ]),
      statementFor('Audit', 'Allow', { AWS: auditorRole }, ['kms:GetKeyPolicy', 'kms:ListGrants']),
      statementFor('SealOutputs', 'Allow', { AWS: parentRole }, ['kms:GenerateDataKey'], {
        StringEqualsIgnoreCase: attested,
      }),
      statementFor('OpenOutputs', 'Allow', { AWS: openerRole }, ['kms:Decrypt']),
      statementFor('DenyOpeningByOthers', 'Deny', '*', ['kms:Decrypt', 'kms:DeriveSharedSecret'], {
        ArnNotEquals: { 'aws:PrincipalArn': openerRole },
      }),
      statementFor('DenyOtherUse', 'Deny', '*', [
        ...['kms:ReEncryptFrom', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:GenerateDataKeyPair', 'kms:Encrypt'],
        'kms:CreateGrant',
      ]),
    ],
  };
}

const denies = ({ Effect, Principal, Action }: KeyStatement, action: string) =>
  Effect === 'Deny' && Principal === '*' && listOf(Action).includes(action);

/** The statements that permit somebody to make data keys, and so to encrypt outputs. */
export const sealingStatements = ({ Statement }: KeyPolicy): KeyStatement[] =>
  Statement.filter(
    ({ Effect, Action }) => Effect === 'Allow' && listOf(Action).some(action => /^kms:GenerateDataKey/i.test(action)),
  );

/** Whether a statement holds only for an attested loader on instances of a named role. Further conditions narrow it. */
const requiresAttestation = ({ Condition }: KeyStatement): boolean => {
  const { StringEqualsIgnoreCase, StringEquals } = Condition ?? {};
  const compared = { ...StringEqualsIgnoreCase, ...StringEquals };
  return ['PCR0', 'PCR3'].every(register => `kms:RecipientAttestation:${register}` in compared);
};

/** What is wrong with the policy of a key for outputs, as sentences; empty if a run may rely on it. */
export function lintOutputsPolicy(policy: KeyPolicy, openerRole: string): string[] {
  const problems: string[] = [];
  const opening = JSON.stringify({ ArnNotEquals: { 'aws:PrincipalArn': openerRole } });
  if (!policy.Statement.some(item => denies(item, 'kms:Decrypt') && JSON.stringify(item.Condition) === opening))
    problems.push('No statement denies kms:Decrypt to everyone but the function that brings outputs to the airlock.');
  for (const action of ['kms:ReEncryptFrom', 'kms:CreateGrant'])
    if (!policy.Statement.some(item => denies(item, action) && !item.Condition))
      problems.push(`No statement denies ${action}, which would open outputs to others.`);
  if (!sealingStatements(policy).every(requiresAttestation))
    problems.push(
      'It permits kms:GenerateDataKey without an attestation of the loader (PCR0) and of the role of the instance (PCR3).',
    );
  for (const [index, statement] of policy.Statement.entries()) {
    const name = `Statement ${statement.Sid ?? index + 1}`;
    const { AWS: principal } = typeof statement.Principal === 'string' ? { AWS: '*' } : statement.Principal;
    const isOpener = statement.Effect === 'Allow' && listOf(principal).join() === openerRole;
    if (!isOpener) problems.push(...lintStatement(statement).map(problem => `${name} ${problem}.`));
  }
  return problems;
}
