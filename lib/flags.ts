import recommended from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };

/**
 * The CDK's recommended behaviour, but for one thing: what the platform stack uses of the data stack is exported, so that
 * CloudFormation refuses to remove it from under running code.
 */
export const cdkFeatureFlags = { ...recommended, '@aws-cdk/core:defaultCrossStackReferences': 'strong' };
