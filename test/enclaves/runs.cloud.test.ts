import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { manifestDigest } from '../../functions/enclaves/manifest.ts';
import type { EnclaveRun } from '../../functions/enclaves/schemas.ts';
import { connectTestCloud } from '../cloud.ts';
import { buildProjectFor } from '../datasets/harness.ts';
import { addSha256Sums } from '../ingest/delivery.ts';
import { deliverFiles, signInNewPerson } from '../ingest/partner.ts';
import { boundKeys, manifest } from './runs.ts';

const cloud = connectTestCloud();
const [dataset, project] = ['enclave-scans', 'enclave-runs'];
let [operator, codePartner, owner, lead, stranger]: ApiClient[] = [];
let names: Record<string, string> = {};

async function propose(codePartnerName = names.code ?? ''): Promise<EnclaveRun> {
  const { loader, artefact, inputs, outputs, limits } = manifest;
  const body = {
    codePartner: codePartnerName,
    ...{ loader, artefact, outputs, limits },
    inputs: inputs.map(input => ({ ...input, dataset })),
    notAfter: new Date(Date.now() + 30 * 24 * 3600_000).toISOString(),
  };
  return (await lead?.ask('proposeEnclaveRun', { params: { project }, body })) as EnclaveRun;
}

const approve = (person: ApiClient | undefined, { id, digest }: EnclaveRun, change: object = {}) =>
  person?.ask('approveEnclaveRun', {
    params: { project, run: id },
    body: { manifest: digest, grant: 'grant', keys: boundKeys, ...change },
  });

beforeAll(async () => {
  const groups = ['operator', 'partner', 'steward', 'researcher', 'partner'] as const;
  [operator, codePartner, owner, lead, stranger] = await Promise.all(
    groups.map((group, index) => signInNewPerson(cloud, `enclave-${group}-${index}`, group)),
  );
  const [code = '', data = ''] = (await Promise.all([codePartner?.ask('showMe'), owner?.ask('showMe')])).map(
    me => me?.name ?? '',
  );
  names = { code, data };
  await deliverFiles(cloud, codePartner as ApiClient, dataset, addSha256Sums({ 'a.csv': 'n\n40\n' }));
  await buildProjectFor(operator as ApiClient, lead as ApiClient, project);
  await owner?.ask('governDataset', {
    params: { dataset },
    body: { title: 'Scans', controller: 'C', licence: 'L', purposes: ['research'], owner: data },
  });
}, 240_000);

describe('an enclave run', () => {
  it('is proposed with a manifest that everybody can compute the digest of', async () => {
    const run = await propose();
    expect(run).toMatchObject({
      status: 'proposed',
      project,
      parties: { data: { name: names.data }, code: { name: names.code } },
    });
    expect(manifestDigest(run.manifest)).toBe(run.digest);
    expect(run.manifest.nonce).not.toBe((await propose()).manifest.nonce);
  });

  it('is authorised when both parties approved, and by nobody else', async () => {
    const run = await propose();
    await expect(approve(stranger, run)).rejects.toThrow(/Only .* decide about this run/);
    await expect(approve(owner, run, { manifest: '0'.repeat(96) })).rejects.toThrow(/another manifest/);
    await expect(approve(owner, run, { keys: {} })).rejects.toThrow(/key for the packed file/);
    expect(await approve(owner, run)).toMatchObject({ status: 'proposed' });
    expect(await approve(codePartner, run)).toMatchObject({ status: 'authorised' });
    expect(await operator?.ask('showEnclaveRun', { params: { project, run: run.id } })).toMatchObject({
      status: 'authorised',
    });
    await expect(stranger?.ask('showEnclaveRun', { params: { project, run: run.id } })).rejects.toThrow(
      /Only the parties/,
    );
  });

  it('is refused for good by either party, also after both approved', async () => {
    const run = await propose();
    await approve(owner, run);
    await approve(codePartner, run);
    const body = { reason: 'The agreement ended.' };
    expect(await codePartner?.ask('refuseEnclaveRun', { params: { project, run: run.id }, body })).toMatchObject({
      status: 'refused',
      ...body,
    });
    await expect(approve(owner, run)).rejects.toThrow(/refused/);
  });

  it('needs a partner for the code', async () => {
    await expect(propose(names.data)).rejects.toThrow(/is no partner/);
  });
});
