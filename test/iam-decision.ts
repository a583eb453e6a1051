import { patternsMeet } from './templates/iam-reference.ts';

/** A statement of a policy, as far as the policies that Broch writes for sessions and access points need it. */
export interface PolicyStatement {
  readonly Effect: string;
  readonly Principal?: { readonly AWS: string | readonly string[] };
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** One access that somebody tries. */
export interface AttemptedAccess {
  /** The role; only the policy of a resource asks for it. */
  readonly principal?: string;
  readonly action: string;
  readonly resource: string;
  /** The condition keys that the request has. */
  readonly context: Readonly<Record<string, string>>;
}

const conditionTests: Readonly<Record<string, (value: string, pattern: string) => boolean>> = {
  StringEquals: (value, pattern) => value === pattern,
  StringLike: (value, pattern) => patternsMeet(pattern, value),
  DateLessThan: (value, pattern) => Date.parse(value) < Date.parse(pattern),
};

function holdsFor({ Condition }: PolicyStatement, context: AttemptedAccess['context']): boolean {
  return Object.entries(Condition).every(([operator, keys]) => {
    const test = conditionTests[operator];
    if (!test) throw new Error(`${operator} is not simulated`);
    return Object.entries(keys).every(([key, patterns]) => {
      const value = context[key];
      return value !== undefined && [patterns].flat().some(pattern => test(value, pattern));
    });
  });
}

/**
 * What IAM decides by a policy whose statements all allow:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function allowsAccess(statements: readonly PolicyStatement[], access: AttemptedAccess): boolean {
  const { principal, resource, context } = access;
  // IAM reads the names of actions without regard to case.
  const action = access.action.toLowerCase();
  return statements.some(statement => {
    if (statement.Effect !== 'Allow') throw new Error(`${statement.Effect} is not simulated`);
    if (statement.Principal && !(principal !== undefined && [statement.Principal.AWS].flat().includes(principal)))
      return false;
    return (
      [statement.Action].flat().some(pattern => patternsMeet(pattern.toLowerCase(), action)) &&
      [statement.Resource].flat().some(pattern => patternsMeet(pattern, resource)) &&
      holdsFor(statement, context)
    );
  });
}
