import { fromEnv } from '@aws-sdk/credential-provider-env';

/**
 * Replaces `@aws-sdk/credential-provider-node` in bundles (lib/bundle.ts). Lambda always passes credentials in the
 * environment, so the SDK's other sources (profiles, SSO, metadata) would be 100 KB of unused code.
 */
export const defaultProvider = fromEnv;
