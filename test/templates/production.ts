/**
 * An environment without any access to AWS: no credentials, an empty home, and all of the network at one deaf port. The
 * functions are bundled there too, as for a user.
 */
export function makeOfflineEnvironment(home: string, port: number): NodeJS.ProcessEnv {
  const nobody = `http://127.0.0.1:${port}`;
  const kept = Object.entries(process.env).filter(([name]) => !/^AWS_|^CDK_|^BROCH_|_proxy$/i.test(name));
  return {
    ...Object.fromEntries(kept),
    HOME: home,
    HTTP_PROXY: nobody,
    HTTPS_PROXY: nobody,
    NO_PROXY: '',
    AWS_ENDPOINT_URL: nobody,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: nobody,
    // Somebody's settings elsewhere don't count either.
    AWS_CONFIG_FILE: `${home}/none`,
    AWS_SHARED_CREDENTIALS_FILE: `${home}/none`,
  };
}
