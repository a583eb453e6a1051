import { constants, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { verifyAttestation } from '../../functions/enclaves/attestation.ts';
import { expectedPcr16, manifestDigest, manifestText } from '../../functions/enclaves/manifest.ts';
import { unpackArchive } from '../../functions/enclaves/pack/pack.ts';
import { buildEnclaveProgram } from '../../local/enclaves/build-loader.ts';
import type { EnclaveStart } from '../../local/enclaves/enclave-machine.ts';
import { fileOf } from '../../local/enclaves/parties.ts';
import {
  createSite,
  keys,
  packTestFiles,
  patients,
  readOutputs,
  runSite,
  type Site,
  sha256Hex,
  shellArtefact,
} from './enclave-site.ts';

let site: Site;
let otherData: Uint8Array;
beforeAll(async () => {
  site = await createSite();
  // Of the same size, so that only the content differs.
  const files = [fileOf('patients.csv', Buffer.from(patients.replace('70', '71')))];
  otherData = (await packTestFiles(files, keys.data, site.dataKeys.data)).packed;
}, 900_000);

describe('the loader', () => {
  it('runs a partner’s code on an owner’s data and signs what it made with the key that was attested', async () => {
    const answer = await runSite(site);
    expect(answer.failure).toBeUndefined();
    const digest = manifestDigest(site.manifest);
    const verdict = verifyAttestation(answer.attestation ?? new Uint8Array(), {
      roots: site.roots,
      pcrs: new Map([
        [0, [Buffer.from(site.manifest.loader.pcr0, 'hex')]],
        [16, [Buffer.from(expectedPcr16(digest), 'hex')]],
      ]),
      nonce: Buffer.from(site.manifest.nonce, 'hex'),
      userData: Buffer.from(digest, 'hex'),
      needsRecipientKey: true,
    });
    expect(verdict).toMatchObject({ ok: true });
    const { signature, result } = JSON.parse(answer.result ?? '') as { signature: string; result: { outputs: object } };
    const text = /^\{"result":(.*),"signature":"[^"]*"\}$/.exec(answer.result ?? '')?.[1] ?? '';
    const key = createPublicKey({ key: Buffer.from(verdict.publicKey ?? '', 'hex'), format: 'der', type: 'spki' });
    const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
    expect(verify('sha384', Buffer.from(text), pss, Buffer.from(signature, 'base64'))).toBe(true);
    expect(result).toMatchObject({ manifest: digest, artefact: site.manifest.artefact.sha256 });
    const packed = answer.outputs ?? new Uint8Array();
    expect(result.outputs).toEqual({ packed: packed.length, sha256: sha256Hex(packed) });
    expect(await readOutputs(answer.outputs, site)).toContain('group,patients\nhigh,2\nlow,3\n');
  });

  it('leaves with its parent nothing of the data, of the code or of a key', async () => {
    const answer = await runSite(site);
    const trace = Buffer.concat([
      answer.attestation ?? Buffer.alloc(0),
      answer.outputs ?? Buffer.alloc(0),
      Buffer.from(`${answer.result}${answer.kmsLog.join()}`),
    ]);
    for (const secret of [patients, 'centroid', 'systolic', site.dataKeys.code, site.dataKeys.data])
      expect(trace.includes(secret)).toBe(false);
    for (const secret of Object.values(site.dataKeys))
      expect(trace.includes(Buffer.from(secret).toString('base64'))).toBe(false);
  });

  it('is built to the same bytes again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'be-'));
    try {
      const first = readFileSync(buildEnclaveProgram('loader'));
      expect(sha256Hex(readFileSync(buildEnclaveProgram('loader', folder)))).toBe(sha256Hex(first));
      console.log(`loader: ${first.length} bytes, SHA-256 ${sha256Hex(first)}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

const flip = (bytes: Uint8Array, index: number) => {
  const copy = Buffer.from(bytes);
  copy[index] = (copy[index] as number) ^ 1;
  return copy;
};

describe('ends without outputs and without a signed result when', () => {
  const objectsWith = (change: (code: Uint8Array, data: Uint8Array) => [Uint8Array, Uint8Array]) => {
    const { artefact, inputs } = site.manifest;
    const [codeHash, dataHash] = [artefact.sha256, inputs[0]?.sha256 ?? ''];
    const { objects } = site.start;
    const [code, data] = change(objects[codeHash] ?? new Uint8Array(), objects[dataHash] ?? new Uint8Array());
    return { objects: { [codeHash]: code, [dataHash]: data } };
  };
  const pcrsWith = (index: number, value: Uint8Array) => ({
    identity: { ...site.identity, pcrs: new Map([...site.identity.pcrs, [index, value]]) },
  });
  const manifestWith = (change: object) => ({ manifest: manifestText({ ...site.manifest, ...change }) });
  const zero = new Uint8Array(48);

  it.each<[string, () => Partial<EnclaveStart>, RegExp]>([
    ['the manifest is another one', () => manifestWith({ nonce: '2'.repeat(64) }), /KMS refused Decrypt.*AccessDenied/],
    [
      'the limits of outputs are others',
      () => manifestWith({ outputs: { ...site.manifest.outputs, maxFiles: 99 } }),
      /AccessDenied/,
    ],
    [
      'the manifest is no longer valid',
      () => manifestWith({ notAfter: new Date(Date.now() - 1000).toISOString() }),
      /not valid at this time/,
    ],
    [
      'the manifest has an unknown field',
      () => ({ manifest: site.start.manifest.replace('{', '{"extra":1,') }),
      /version 1/,
    ],
    ['the artefact is exchanged for the data', () => objectsWith((_, data) => [data, data]), /packed file/],
    ['the data is exchanged for the artefact', () => objectsWith(code => [code, code]), /packed file/],
    [
      'the data is exchanged for another pack under the same key',
      () => objectsWith(code => [code, otherData]),
      /not the one of the manifest/,
    ],
    [
      'one bit of the artefact is changed',
      () => objectsWith((code, data) => [flip(code, code.length >> 1), data]),
      /packed file/,
    ],
    [
      'one bit of the header of the data is changed',
      () => objectsWith((code, data) => [code, flip(data, 30)]),
      /packed file/,
    ],
    ['the data is cut short', () => objectsWith((code, data) => [code, data.subarray(0, -20)]), /packed file/],
    [
      'the data is withheld',
      () => ({
        objects: { [site.manifest.artefact.sha256]: site.start.objects[site.manifest.artefact.sha256] ?? zero },
      }),
      /did not give/,
    ],
    ['bytes follow the data', () => objectsWith((code, data) => [code, Buffer.concat([data, zero])]), /packed file/],
    [
      'the keys are exchanged',
      () => ({
        session: {
          ...site.start.session,
          keys: Object.fromEntries(
            Object.entries(site.start.session.keys).map(([hash], index, entries) => [
              hash,
              entries[1 - index]?.[1] ?? '',
            ]),
          ),
        },
      }),
      /KMS refused/,
    ],
    [
      'the loader is another one',
      () =>
        pcrsWith(
          0,
          zero.map(() => 1),
        ),
      /AccessDenied/,
    ],
    ['the enclave is in debug mode', () => pcrsWith(0, zero), /AccessDenied/],
    [
      'the instance has another role',
      () =>
        pcrsWith(
          3,
          zero.map(() => 1),
        ),
      /AccessDenied/,
    ],
    [
      'something ran before and measured itself',
      () =>
        pcrsWith(
          16,
          zero.map(() => 1),
        ),
      /PCR16/,
    ],
    [
      'the credentials are not those of the parent',
      () => ({
        session: {
          ...site.start.session,
          credentials: { accessKeyId: 'ASIAOTHER', secretAccessKey: 's', sessionToken: 't' },
        },
      }),
      /Unrecognized/,
    ],
  ])('%s', async (_, change, reason) => {
    const { outputs, result, failure } = await runSite(site, change());
    expect(failure).toMatch(reason);
    expect([outputs, result]).toEqual([undefined, undefined]);
  });

  it.each<[string, keyof typeof keys, number, RegExp]>([
    ['before it starts', 'code', 0, /KMS refused Decrypt.*key\/code.*AccessDenied/],
    ['after it has the key of the code', 'data', 1, /KMS refused Decrypt.*key\/data.*AccessDenied/],
    ['while the code runs', 'outputs', 2, /KMS refused GenerateDataKey.*key\/outputs.*AccessDenied/],
  ])('a grant is revoked %s', async (_, name, callCount, reason) => {
    const revoked = await createSite();
    const revoke = () => revoked.kms.keys.get(keys[name])?.grants.splice(0);
    if (callCount === 0) revoke();
    const onKmsCall = (line: string) => {
      calls.push(line);
      if (calls.length === callCount) revoke();
    };
    const calls: string[] = [];
    const { outputs, result, failure } = await runSite(revoked, {}, { onKmsCall });
    expect(failure).toMatch(reason);
    expect([outputs, result, calls.length]).toEqual([undefined, undefined, callCount + 1]);
  });

  it.each<[string, string, RegExp]>([
    [
      'writes more files than permitted',
      'cd $BROCH_OUTPUTS; for i in 1 2 3 4; do echo x > f$i; done',
      /more than the manifest permits/,
    ],
    [
      'writes more bytes than permitted',
      'head -c 9000 /dev/zero > $BROCH_OUTPUTS/a; head -c 9000 /dev/zero > $BROCH_OUTPUTS/b',
      /more than the manifest permits/,
    ],
    ['puts data into the name of an output', 'touch "$BROCH_OUTPUTS/Patient 1 is 70"', /plain name/],
    ['writes a link', 'ln -s /etc/passwd $BROCH_OUTPUTS/link', /plain file/],
    ['tells data by its exit code', 'exit 70', /the artefact failed$/],
    ['never ends', 'while :; do :; done', /did not end in time/],
  ])('the artefact %s', async (_, script, reason) => {
    const seconds = script.startsWith('while') ? 1 : 20;
    const { outputs, result, failure } = await runSite(await createSite(shellArtefact(script), seconds));
    expect(failure).toMatch(reason);
    expect([outputs, result]).toEqual([undefined, undefined]);
  });
});

it('an artefact has no network: it can open no socket but a Unix one', async () => {
  const probe =
    'python3 -c "import socket; socket.socket(socket.AF_INET)" 2> $BROCH_OUTPUTS/inet.txt; python3 -c "import socket; socket.socket(40)" 2> $BROCH_OUTPUTS/vsock.txt; exit 0';
  const confined = await createSite(shellArtefact(probe));
  const { outputs, failure } = await runSite(confined);
  expect(failure).toBeUndefined();
  expect((await readOutputs(outputs, confined)).match(/PermissionError/g)).toHaveLength(2);
});

it('a packed file opens with its own key only', async () => {
  const { packed } = await packTestFiles(shellArtefact('exit 0'), keys.code, new Uint8Array(32));
  async function* source() {
    yield packed;
  }
  const reading = async () => {
    for await (const _ of unpackArchive(source(), async () => new Uint8Array(32).fill(1)));
  };
  await expect(reading()).rejects.toThrow(/Segment 1/);
});
