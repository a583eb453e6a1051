import recommended from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };

/**
 * The CDK's recommended flags, except one: values that one stack uses from another are exported, so that
 * CloudFormation refuses to remove them while they are in use.
 */
export const cdkFeatureFlags = { ...recommended, '@aws-cdk/core:defaultCrossStackReferences': 'strong' };
