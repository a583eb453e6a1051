import type { Construct } from 'constructs';

/**
 * Whether this is the first deployment (`-c first=true`). Nothing is protected from deletion then: CloudFormation must be
 * able to remove what it created, and the CDK to delete the remains, if something fails. The next deployment protects all.
 */
export const isFirstDeployment = (scope: Construct): boolean => scope.node.tryGetContext('first') === 'true';
