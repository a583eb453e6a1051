import { Stack, Validations } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { flattenCfnReference } from 'cdk-nag/lib/utils/flatten-cfn-reference.js';
import type { Construct } from 'constructs';

/** Gives cdk-nag the reason for each wildcard in these statements, one by one: any other still is a finding. */
export function explainWildcards(scope: Construct, statements: readonly PolicyStatement[], reason: string): void {
  const stack = Stack.of(scope);
  const found = statements.flatMap(statement => {
    const { Action = [], Resource = [] } = stack.resolve(statement.toStatementJson()) as {
      Action?: unknown;
      Resource?: unknown;
    };
    const resources = [Resource].flat().map(resource => `Resource::${flattenCfnReference(resource)}`);
    const actions = [Action].flat().map(action => `Action::${action}`);
    return [...actions, ...resources].filter(text => text.includes('*'));
  });
  for (const finding of new Set(found))
    Validations.of(scope).acknowledge({ id: `AwsSolutions-IAM5[${finding}]`, reason });
}
