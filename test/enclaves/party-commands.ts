import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, expect } from 'vitest';
import { exampleArtefact } from '../../local/enclaves/example.ts';
import type { EnclaveParty } from '../../local/enclaves/parties.ts';
import type { EnclaveStage } from '../../local/enclaves/play-parents.ts';
import { makeTestFolder } from '../cli/harness.ts';
import type { TypeLine } from '../cli/journey.ts';

/** The commands of a party at its own machine: with its AWS credentials, and KMS where the front is. Every line must succeed. */
export function openPartyShell(type: TypeLine, { credentials }: EnclaveParty, { kms }: EnclaveStage) {
  setDefaultCACertificates([...getCACertificates('default'), kms.root]);
  const values = {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken ?? '',
    AWS_ENDPOINT_URL_KMS: kms.endpoint,
  };
  return async (line: string): Promise<Record<string, unknown>> => {
    const earlier = Object.keys(values).map(name => [name, process.env[name]] as const);
    Object.assign(process.env, values);
    try {
      const { code, output, err } = await type(`${line} --json`);
      expect({ line, code, err }).toMatchObject({ code: 0 });
      return JSON.parse(output);
    } finally {
      for (const [name, value] of earlier)
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
    }
  };
}

/** The example as a folder of its partner. */
async function writeExampleFolder(): Promise<string> {
  const folder = makeTestFolder(afterAll);
  for (const { path, isExecutable, read } of exampleArtefact()) {
    for await (const chunk of read()) writeFileSync(join(folder, path), chunk, { flag: 'a' });
    if (isExecutable) chmodSync(join(folder, path), 0o755);
  }
  return folder;
}

/** Packs the example as its partner does. */
export async function packExample(shell: ReturnType<typeof openPartyShell>, key: string) {
  const file = join(makeTestFolder(afterAll), 'petra.pack');
  const packed = await shell(`broch enclave pack ${await writeExampleFolder()} --kms-key ${key} --out ${file}`);
  return { file, ...(packed as { sha256: string; bytes: number }) };
}
