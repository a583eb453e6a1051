import type { EnclaveRunCommand } from '../../functions/enclaves/enclaves.ts';
import { manifestDigest } from '../../functions/enclaves/manifest.ts';
import type { RunManifest } from '../../functions/enclaves/schemas.ts';

export const runTime = '2026-11-28T12:00:00.000Z';
export const minutesOn = (minutes: number) => new Date(Date.parse(runTime) + minutes * 60_000).toISOString();
export const dataOwner = { id: 'user-sam', name: 'sam' };
export const codePartner = { id: 'user-cora', name: 'cora' };
export const researcher = { id: 'user-rita', name: 'rita' };
const ownerKey = 'arn:aws:kms:eu-west-2:000000000000:key/owner';
const partnerKey = 'arn:aws:kms:eu-west-2:111122223333:key/partner';

export const manifest: RunManifest = {
  v: 1,
  run: 'er-0123456789abcdef',
  project: 'asthma',
  loader: { pcr0: 'a'.repeat(96), pcr1: 'b'.repeat(96), pcr2: 'c'.repeat(96) },
  artefact: { key: 'data/enclaves/code.pack', sha256: 'd'.repeat(64), bytes: 1000, kmsKey: partnerKey },
  inputs: [
    {
      dataset: 'scans',
      version: 'e'.repeat(64),
      key: 'data/enclaves/data.pack',
      sha256: 'f'.repeat(64),
      bytes: 2000,
      kmsKey: ownerKey,
    },
  ],
  outputs: { maxBytes: 10_000, maxFiles: 3, kmsKey: ownerKey },
  limits: { vcpus: 2, memoryMiB: 1024, seconds: 600 },
  nonce: '1'.repeat(64),
  notBefore: runTime,
  notAfter: minutesOn(600),
};
export const digest = manifestDigest(manifest);
const deadlines = { data: minutesOn(100), code: minutesOn(200) };

export const proposal: Extract<EnclaveRunCommand, { do: 'propose' }> = {
  do: 'propose',
  manifest,
  digest,
  parties: { data: dataOwner, code: codePartner },
  by: researcher,
  deadlines,
};
export const outputs = { packed: 65_536, sha256: '9'.repeat(64) };
/** The keys of both parties, bound to the run. */
export const boundKeys = { [manifest.artefact.sha256]: 'AA==', ['f'.repeat(64)]: 'AA==' };
