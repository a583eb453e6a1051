import type { KeyPolicy, KeyStatement } from '../../functions/enclaves/key-policy.ts';

/** A grant on a key, as CreateGrant was called. */
export interface KeyGrant {
  readonly id: string;
  readonly grantee: string;
  readonly operations: readonly string[];
  readonly contextEquals: Readonly<Record<string, string>>;
}

export interface KeyCall {
  readonly action: string;
  /** The ARN of the role or user, or `arn:aws:iam::ACCOUNT:root`. */
  readonly principal: string;
  readonly encryptionContext?: Readonly<Record<string, string>>;
  /** Condition keys of the call, those of a verified attestation among them. */
  readonly conditions: Readonly<Record<string, readonly string[]>>;
}

const listOf = (values: string | readonly string[]) => (typeof values === 'string' ? [values] : values);
const matches = (pattern: string, text: string) =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'i').test(text);

/** Evaluates one operator of a condition. An absent key fails a positive operator and fulfils a negated one, as on AWS. */
function isFulfilled(
  operator: string,
  values: readonly string[] | undefined,
  expectations: readonly string[],
): boolean {
  const lower = (text: string) => text.toLowerCase();
  const isOneOf = (value: string) => expectations.includes(value);
  switch (operator) {
    case 'StringEquals':
    case 'ArnEquals':
    case 'Bool':
      return values?.some(isOneOf) ?? false;
    case 'StringEqualsIgnoreCase':
      return values?.some(value => expectations.some(item => lower(item) === lower(value))) ?? false;
    case 'StringNotEquals':
    case 'ArnNotEquals':
      return !(values?.some(isOneOf) ?? false);
    case 'StringNotEqualsIgnoreCase':
      return !(values?.some(value => expectations.some(item => lower(item) === lower(value))) ?? false);
    case 'ForAllValues:StringEquals':
      return values?.every(isOneOf) ?? true;
    default:
      throw new Error(`the KMS of the embedded cloud does not know the condition operator ${operator}`);
  }
}

function applies({ Principal, Action, Condition = {} }: KeyStatement, call: KeyCall): boolean {
  const principals = Principal === '*' ? ['*'] : Object.values(Principal).flatMap(listOf);
  if (!principals.some(pattern => pattern === '*' || pattern === call.principal)) return false;
  if (!listOf(Action).some(pattern => matches(pattern, call.action))) return false;
  return Object.entries(Condition).every(([operator, test]) =>
    Object.entries(test).every(([key, expectations]) =>
      isFulfilled(operator, key === 'aws:PrincipalArn' ? [call.principal] : call.conditions[key], listOf(expectations)),
    ),
  );
}

const isSameContext = (first: Readonly<Record<string, string>>, second: Readonly<Record<string, string>>) =>
  Object.keys(first).length === Object.keys(second).length &&
  Object.entries(first).every(([key, value]) => second[key] === value);

/** Whether KMS permits a call: a denial of the key policy outweighs its permissions and all grants. */
export function authorizeKeyCall(policy: KeyPolicy, grants: readonly KeyGrant[], call: KeyCall): string | undefined {
  const relevant = policy.Statement.filter(statement => applies(statement, call));
  const denial = relevant.find(({ Effect }) => Effect === 'Deny');
  if (denial) return `with an explicit deny in the key policy (${denial.Sid})`;
  if (relevant.length > 0) return undefined;
  const operation = call.action.replace('kms:', '');
  const grant = grants.find(
    ({ grantee, operations, contextEquals }) =>
      grantee === call.principal &&
      operations.includes(operation) &&
      isSameContext(contextEquals, call.encryptionContext ?? {}),
  );
  return grant ? undefined : 'because no key policy or grant permits it';
}
