import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildKeyPolicy, runContext } from '../../functions/enclaves/key-policy.ts';
import { expectedPcr3, manifestDigest, manifestText } from '../../functions/enclaves/manifest.ts';
import type { ArchiveFile } from '../../functions/enclaves/pack/archive.ts';
import { type PackResult, packFiles, unpackArchive } from '../../functions/enclaves/pack/pack.ts';
import type { RunManifest } from '../../functions/enclaves/schemas.ts';
import { buildEnclaveProgram, programDigest } from '../../local/enclaves/build-loader.ts';
import { toPem } from '../../local/enclaves/certificates.ts';
import { type EnclaveStart, runEnclave } from '../../local/enclaves/enclave-machine.ts';
import { createAuthority, issueLeaf } from '../../local/enclaves/hypervisor.ts';
import { issueKmsCertificates } from '../../local/enclaves/kms-certificates.ts';
import { serveKmsFront } from '../../local/enclaves/kms-front.ts';
import { fileOf } from '../../local/enclaves/parties.ts';
import { MemoryKms } from './embedded-kms.ts';
import { manifest as template } from './runs.ts';

const parentRole = 'arn:aws:iam::000000000000:role/broch-parent';
const region = 'eu-west-2';
export const keys = {
  data: `arn:aws:kms:${region}:000000000000:key/data`,
  code: `arn:aws:kms:${region}:111122223333:key/code`,
  outputs: `arn:aws:kms:${region}:000000000000:key/outputs`,
};
const credentials = { accessKeyId: 'ASIAPARENT', secretAccessKey: 'secret', sessionToken: 'token' };

export async function packTestFiles(files: readonly ArchiveFile[], kmsKey: string, key: Uint8Array) {
  const chunks: Uint8Array[] = [];
  let result: PackResult | undefined;
  const dataKey = { plaintext: key, wrappedKey: 'AA==' };
  for await (const chunk of packFiles(files, { kmsKey, context: {} }, dataKey, value => {
    result = value;
  }))
    chunks.push(chunk);
  if (!result) throw new Error('nothing was packed');
  return { packed: Buffer.concat(chunks), sha256: result.sha256, bytes: result.bytes };
}

const model = JSON.stringify({
  features: ['age', 'systolic'],
  groups: { high: [75, 165], low: [35, 115] },
});
export const patients = `age,systolic\n${['70,160', '80,170', '30,110', '40,120', '36,118'].join('\n')}\n`;
/** A program of the shell as an artefact, for what the example does not do. */
export const shellArtefact = (script: string) => [fileOf('run', Buffer.from(`#!/bin/sh\n${script}\n`), true)];
const exampleArtefact = () => [
  fileOf('model.json', Buffer.from(model)),
  fileOf('run', readFileSync(buildEnclaveProgram('example')), true),
];

/** Two parties, their keys and packed files, a KMS with a front, and a hypervisor. */
export async function createSite(artefactFiles = exampleArtefact(), seconds = 20) {
  const now = Date.now();
  const authority = createAuthority(now);
  const kms = new MemoryKms();
  const pcr0 = programDigest(buildEnclaveProgram('loader'));
  const policy = buildKeyPolicy({
    adminRole: 'arn:aws:iam::1:role/admin',
    approverRole: 'arn:aws:iam::1:role/approver',
    auditorRole: 'arn:aws:iam::1:role/auditor',
    parentRole,
    pcr0: [pcr0],
  });
  for (const arn of Object.values(keys)) kms.addKey(arn, policy);
  kms.roles.set(credentials.accessKeyId, parentRole);
  const dataKeys = { code: randomBytes(32), data: randomBytes(32) };
  const code = await packTestFiles(artefactFiles, keys.code, dataKeys.code);
  const data = await packTestFiles([fileOf('patients.csv', Buffer.from(patients))], keys.data, dataKeys.data);
  const manifest: RunManifest = {
    ...template,
    loader: { pcr0, pcr1: 'b'.repeat(96), pcr2: 'c'.repeat(96) },
    artefact: { key: 'data/enclaves/code.pack', sha256: code.sha256, bytes: code.bytes, kmsKey: keys.code },
    inputs: template.inputs.map(input => ({ ...input, sha256: data.sha256, bytes: data.bytes, kmsKey: keys.data })),
    outputs: { ...template.outputs, kmsKey: keys.outputs },
    limits: { ...template.limits, seconds },
    nonce: randomBytes(32).toString('hex'),
    notBefore: new Date(now - 60_000).toISOString(),
    notAfter: new Date(now + 3600_000).toISOString(),
  };
  const context = runContext(manifest.run, manifestDigest(manifest));
  for (const key of kms.keys.values())
    key.grants.push({
      id: 'grant',
      grantee: parentRole,
      operations: ['Decrypt', 'GenerateDataKey'],
      contextEquals: context,
    });
  const bound = (arn: string, key: Uint8Array) => Buffer.from(kms.wrap(arn, key, context)).toString('base64');
  const identity = {
    authority,
    leaf: issueLeaf(authority, now),
    moduleId: 'i-0123456789abcdef0-enc0123456789abcdef',
    pcrs: new Map([
      [0, Buffer.from(pcr0, 'hex') as Uint8Array],
      [1, new Uint8Array(48).fill(0xbb)],
      [2, new Uint8Array(48).fill(0xcc)],
      [3, Buffer.from(expectedPcr3(parentRole), 'hex')],
    ]),
  };
  return {
    kms,
    manifest,
    identity,
    roots: [toPem(authority.root.certificate)],
    start: {
      manifest: manifestText(manifest),
      session: {
        credentials,
        keys: { [code.sha256]: bound(keys.code, dataKeys.code), [data.sha256]: bound(keys.data, dataKeys.data) },
      },
      objects: { [code.sha256]: code.packed, [data.sha256]: data.packed } as Record<string, Uint8Array>,
      identity,
    },
    dataKeys,
    context,
  };
}
export type Site = Awaited<ReturnType<typeof createSite>>;

interface SiteWatch {
  /** The time that KMS uses. */
  readonly clock?: () => number;
  /** Called after each line in the log of KMS. */
  readonly onKmsCall?: (line: string, parentFolder: string) => void;
}

/** Runs the loader once. `change` may lie in every way that a parent can. */
export async function runSite(
  site: Site,
  change: Partial<EnclaveStart> = {},
  { clock = Date.now, onKmsCall = () => {} }: SiteWatch = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'be-'));
  const { root, tls } = issueKmsCertificates(region);
  const trustFile = join(folder, 'trust.pem');
  writeFileSync(trustFile, root);
  const lines: string[] = [];
  const log = (line: string) => {
    lines.push(line);
    onKmsCall(line, join(folder, 'parent'));
  };
  const front = await serveKmsFront({ upstream: site.kms, roots: site.roots, tls, clock, log });
  try {
    const answer = await runEnclave({ folder, kmsPort: front.port, trustFile, ...site.start, ...change });
    return { ...answer, kmsLog: lines };
  } finally {
    front.server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export const sha256Hex = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The outputs of a run, opened with the key of the manifest: an archive, as one text. */
export async function readOutputs(outputs: Uint8Array | undefined, { kms }: Pick<Site, 'kms'>): Promise<string> {
  async function* source() {
    yield outputs ?? new Uint8Array();
  }
  const parts: Uint8Array[] = [];
  for await (const part of unpackArchive(source(), header =>
    kms.decrypt(header.kmsKey, Buffer.from(header.wrappedKey, 'base64'), header.context),
  ))
    parts.push(part);
  return Buffer.concat(parts).toString();
}
