import { Reference, Stack, Tokenization, Validations } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { flattenCfnReference } from 'cdk-nag/lib/utils/flatten-cfn-reference.js';
import type { Construct } from 'constructs';

/** Gives cdk-nag the reason for each wildcard in these statements. Any other wildcard is still a finding. */
export function explainWildcards(scope: Construct, statements: readonly PolicyStatement[], reason: string): void {
  const stack = Stack.of(scope);
  const wildcards = statements.flatMap(({ actions, resources }) => [
    ...actions.map(action => `Action::${action}`),
    ...resources.map(resource => `Resource::${flattenCfnReference(stack.resolve(withExports(stack, resource)))}`),
  ]);
  for (const finding of new Set(wildcards.filter(text => text.includes('*'))))
    Validations.of(scope).acknowledge({ id: `AwsSolutions-IAM5[${finding}]`, reason });
}

/** Replaces references to other stacks by the names of their exports, as cdk-nag sees them. */
function withExports(stack: Stack, text: string): string {
  const foreign = Tokenization.reverseString(text).tokens.filter(
    (token): token is Reference => Reference.isReference(token) && Stack.of(token.target) !== stack,
  );
  return foreign.reduce(
    (result, token) => result.replaceAll(token.toString(), Stack.of(token.target).exportValue(token)),
    text,
  );
}
