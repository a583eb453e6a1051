/** The SHA-256 of each file of a version by path, from its sorted manifest. */
export const parseManifestHashes = (manifest: string): Map<string, string> =>
  new Map([...manifest.matchAll(/^([0-9a-f]{64}) {2}(.+)$/gmu)].map(([, sha256 = '', path = '']) => [path, sha256]));
