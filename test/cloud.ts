import { inject } from 'vitest';
import { rootEnvironmentFor } from '../local/deploy.ts';
import type { CloudFacts } from '../local/deployed-cloud.ts';
import { trustCertificate } from '../local/trust.ts';

/**
 * The embedded cloud that a `*.cloud.test.ts` file runs on: the whole app is deployed in `account`, IAM is enforced and
 * waits of state machines take no time. Use names of your own (projects, datasets, people): other files share it.
 *
 * `configuration` is what SDK clients take: `new S3Client(configuration)`. Its credentials are the account's root, for
 * looking and for playing AWS's part; what is under test runs under its own roles.
 */
export function connectTestCloud() {
  const facts = inject('estate') as CloudFacts;
  trustCertificate(facts.ca);
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = rootEnvironmentFor(facts.account);
  const configuration = {
    endpoint: facts.endpoint,
    region: facts.region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
  };
  return { ...facts, configuration };
}
