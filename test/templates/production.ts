import { areTrialsComplete } from '../trials.ts';

/**
 * An environment without any access to AWS: no credentials, an empty home, and all of the network at one deaf port. With
 * complete trials the functions are bundled there too, as for a user; otherwise the bundles of the test run are used,
 * because each bundling takes gigabytes.
 */
export function makeOfflineEnvironment(home: string, port: number): NodeJS.ProcessEnv {
  const proxy = `http://127.0.0.1:${port}`;
  const variables = Object.entries(process.env).filter(([name]) => !/^AWS_|^CDK_|^BROCH_|_proxy$/i.test(name));
  return {
    ...Object.fromEntries(variables),
    ...(!areTrialsComplete && { BROCH_TEST_BUNDLES: process.env.BROCH_TEST_BUNDLES }),
    HOME: home,
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    NO_PROXY: '',
    AWS_ENDPOINT_URL: proxy,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: proxy,
    // Somebody's settings elsewhere don't count either.
    AWS_CONFIG_FILE: `${home}/none`,
    AWS_SHARED_CREDENTIALS_FILE: `${home}/none`,
  };
}
