import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ReleaseRecord } from '../../functions/airlock/release/record.ts';
import { verifyAttestation } from '../../functions/enclaves/attestation.ts';
import { judgeEvidence, type RunEvidence } from '../../functions/enclaves/evidence.ts';
import { expectedPcr16, manifestDigest } from '../../functions/enclaves/manifest.ts';
import { requestOf } from '../../functions/enclaves/schemas.ts';
import { documentPayload, encodeCbor, signDocument } from '../../local/enclaves/hypervisor.ts';
import { buildReleaseRecord, makeSigningKeys, signRelease } from '../airlock/release/pages.ts';
import { makeTestFolder, runBroch } from '../cli/harness.ts';
import { createSite, runSite, type Site } from './enclave-site.ts';
import { boundKeys, codePartner, dataOwner } from './runs.ts';

let site: Site;
let evidence: RunEvidence;
let outputs: Uint8Array;

beforeAll(async () => {
  site = await createSite();
  const answer = await runSite(site);
  const manifest = manifestDigest(site.manifest);
  const approval = (person: typeof dataOwner) => ({
    by: person,
    at: site.manifest.notBefore,
    manifest,
    grant: 'grant',
    keys: boundKeys,
  });
  const [, result = '', signature = ''] = /^\{"result":(.*),"signature":"([^"]*)"\}$/.exec(answer.result ?? '') ?? [];
  outputs = answer.outputs ?? new Uint8Array();
  evidence = {
    v: 1,
    manifest: site.manifest,
    approvals: { data: approval(dataOwner), code: approval(codePartner) },
    attestation: Buffer.from(answer.attestation ?? new Uint8Array()).toString('base64'),
    result,
    signature,
  };
}, 900_000);

const failures = (change: Partial<RunEvidence>, packed = outputs) =>
  judgeEvidence({ ...evidence, ...change }, { roots: site.roots, outputs: packed }).flatMap(({ check, ok }) =>
    ok ? [] : [check],
  );

describe('the evidence of a run', () => {
  it('holds, and is checked offline with one command', async () => {
    expect(failures({})).toEqual([]);
    const folder = makeTestFolder();
    const [file, root, pack] = ['evidence.json', 'root.pem', 'outputs.pack'].map(name => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(file, JSON.stringify(evidence));
    writeFileSync(root, site.roots[0] ?? '');
    writeFileSync(pack, outputs);
    const { code, output } = await runBroch(['enclave', 'verify-evidence', file, '--root', root, '--outputs', pack]);
    expect(output).toContain('The evidence holds.');
    expect(output).toContain(
      `${dataOwner.name}, for the data, and ${codePartner.name}, for the code, approved this manifest.`,
    );
    const { kmsRequests } = JSON.parse(evidence.result) as { kmsRequests: string[] };
    expect(new Set(kmsRequests).size).toBe(3);
    for (const id of kmsRequests) expect(output).toContain(id);
    expect(code).toBe(0);
    writeFileSync(pack, 'other');
    expect(await runBroch(['enclave', 'verify-evidence', file, '--root', root, '--outputs', pack])).toMatchObject({
      code: 3,
    });
  });

  it('tells what was released, if the airlock signed that it was of this run', async () => {
    const pair = makeSigningKeys();
    const folder = makeTestFolder();
    const [file, root, key] = ['evidence.json', 'root.pem', 'key.pem'].map(name => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(root, site.roots[0] ?? '');
    const judge = async (
      change: Partial<ReleaseRecord>,
      signer = pair,
      files: Record<string, string> = { 'groups.csv': 'group,n\n' },
    ) => {
      const request = requestOf(site.manifest.run);
      const record = signRelease(buildReleaseRecord(files, { request, ...change }), signer);
      writeFileSync(key, signRelease(buildReleaseRecord(), pair).publicKey);
      writeFileSync(file, JSON.stringify({ ...evidence, release: JSON.stringify(record) }));
      return runBroch(['enclave', 'verify-evidence', file, '--root', root, '--key', key]);
    };
    expect(await judge({})).toMatchObject({ code: 0, output: expect.stringMatching(/1\s+file\s+was\s+released/) });
    expect(await judge({ request: 'al-0000000000000000' })).toMatchObject({ code: 3 });
    expect(await judge({ project: 'other' })).toMatchObject({ code: 3 });
    expect(await judge({}, makeSigningKeys())).toMatchObject({ code: 3 });
    expect(await judge({}, pair, { a: '1', b: '2', c: '3', d: '4' })).toMatchObject({ code: 3 });
  });

  it.each<[string, () => Partial<RunEvidence>, string[]]>([
    [
      'one person approved for both',
      () => ({ approvals: { ...evidence.approvals, code: evidence.approvals.data } }),
      ['approvals'],
    ],
    [
      'an approval is for another manifest',
      () => ({ approvals: { ...evidence.approvals, code: { ...evidence.approvals.code, manifest: '0'.repeat(96) } } }),
      ['approvals'],
    ],
    [
      'the manifest is another',
      () => ({ manifest: { ...evidence.manifest, nonce: '2'.repeat(64) } }),
      ['approvals', 'attestation', 'result'],
    ],
    [
      'the loader of the manifest is another',
      () => ({ manifest: { ...evidence.manifest, loader: { ...evidence.manifest.loader, pcr0: '1'.repeat(96) } } }),
      ['approvals', 'attestation', 'result'],
    ],
    ['the result was changed', () => ({ result: evidence.result.replace('"packed":', '"packed":1') }), ['signature']],
    ['the signature is another', () => ({ signature: Buffer.alloc(256).toString('base64') }), ['signature']],
    ['the attestation is none', () => ({ attestation: 'AA==' }), ['attestation', 'signature']],
    ['the result is none', () => ({ result: '{}' }), ['signature', 'result']],
  ])('does not hold when %s', (_, change, checks) => expect(failures(change())).toEqual(checks));

  it('holds for the enclave that attested itself, and not for a second one of the same approval', () => {
    const { roots } = site;
    const { moduleId: module } = site.identity;
    const attestationFor = (enclave: string) =>
      judgeEvidence(evidence, { roots, module: enclave }).find(({ check }) => check === 'attestation');
    expect(attestationFor(module)?.ok).toBe(true);
    expect(attestationFor('i-0123456789abcdef0-enc2')).toMatchObject({
      ok: false,
      reason: `The enclave i-0123456789abcdef0-enc2 attested this run, not ${module}.`,
    });
  });

  it('does not hold if the enclave ran after the end of its manifest', () => {
    const { manifest, identity, roots } = site;
    const digest = manifestDigest(manifest);
    const late = {
      moduleId: identity.moduleId,
      timestamp: Date.parse(manifest.notAfter),
      pcrs: new Map([...identity.pcrs, [16, Buffer.from(expectedPcr16(digest), 'hex')]]),
      publicKey: Buffer.from(verifyAttestation(Buffer.from(evidence.attestation, 'base64')).publicKey ?? '', 'hex'),
      userData: Buffer.from(digest, 'hex'),
      nonce: Buffer.from(manifest.nonce, 'hex'),
    };
    const sign = (fields: typeof late) =>
      signDocument(encodeCbor(documentPayload(fields, identity.authority, identity.leaf)), identity.leaf.privateKey);
    const failuresOf = (fields: typeof late) =>
      judgeEvidence({ ...evidence, attestation: Buffer.from(sign(fields)).toString('base64') }, { roots })
        .filter(({ ok }) => !ok)
        .map(({ reason }) => reason);
    expect(failuresOf({ ...late, timestamp: late.timestamp - 1 })).toEqual([]);
    expect(failuresOf(late)).toEqual(['The enclave ran outside the time of the manifest.']);
  });

  it('does not hold with other outputs, or for the root of AWS', () => {
    expect(failures({}, new Uint8Array(1))).toEqual(['result']);
    expect(judgeEvidence(evidence).find(({ check }) => check === 'attestation')?.ok).toBe(false);
  });
});
