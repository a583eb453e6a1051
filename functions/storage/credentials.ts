import { fromEnv } from '@aws-sdk/credential-provider-env';

/**
 * In a bundle this stands for `@aws-sdk/credential-provider-node` (lib/bundle.ts): Lambda always hands a role's credentials
 * over in the environment, so the SDK's other ways to find some (profiles, SSO, metadata) are 100 KB of dead weight.
 */
export const defaultProvider = fromEnv;
