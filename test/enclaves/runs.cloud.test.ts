import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { judgeEvidence, RunEvidence } from '../../functions/enclaves/evidence.ts';
import { manifestDigest } from '../../functions/enclaves/manifest.ts';
import { readPackedFile } from '../../functions/enclaves/pack/packed-file.ts';
import { type EnclaveRun, requestOf } from '../../functions/enclaves/schemas.ts';
import type { ReadyProject } from '../../functions/projects/schemas.ts';
import { readAuthority } from '../../local/enclaves/authority-file.ts';
import { measureLoader } from '../../local/enclaves/build-loader.ts';
import { toPem } from '../../local/enclaves/certificates.ts';
import { exampleArtefact, examplePatients } from '../../local/enclaves/example.ts';
import { createOutputsKey, createParty, type EnclaveParty, type PackedFile } from '../../local/enclaves/parties.ts';
import { type EnclaveStage, type PlayedEnclave, playParents } from '../../local/enclaves/play-parents.ts';
import { enrolJourneyPeople } from '../cli/journey.ts';
import { connectTestCloud } from '../cloud.ts';
import { buildProjectFor } from '../datasets/harness.ts';
import { signInNewPerson } from '../ingest/partner.ts';
import { publishTestVersion, waitUntil } from '../workspaces/harness.ts';
import { stopWorkflow, sweepLater } from './abandoned-run.ts';
import { openPartyShell, packExample } from './party-commands.ts';
import { expectReleaseInEvidence } from './released-run.ts';
import { tryRunFaults } from './run-faults.ts';
import { approve, deliverOwnedDataset, grantDataset, inThirtyDays, objectOf, readDraftedTable } from './run-site.ts';
import { manifest } from './runs.ts';
import { expectNoSecretStored, listLeftovers } from './stored-traces.ts';
import { resumeIfSuspended, suspend } from './suspension.ts';

const cloud = connectTestCloud();
const [dataset, project] = ['enclave-scans', 'enclave-runs'];
let [operator, codePartner, owner, lead, stranger]: ApiClient[] = [];
let names: Record<string, string> = {};
let built: ReadyProject;
let [version, use] = ['', ''];

async function propose(codePartnerName = names.code ?? '', change: object = {}): Promise<EnclaveRun> {
  const { artefact, inputs, outputs, limits } = manifest;
  const body = {
    codePartner: codePartnerName,
    ...{ artefact, outputs, limits },
    inputs: inputs.map(input => ({ ...input, dataset, version })),
    notAfter: inThirtyDays(),
    ...change,
  };
  return (await lead?.ask('proposeEnclaveRun', { params: { project }, body })) as EnclaveRun;
}

beforeAll(async () => {
  const groups = ['operator', 'partner', 'steward', 'researcher', 'partner'] as const;
  [operator, codePartner, owner, lead, stranger] = await Promise.all(
    groups.map((group, index) => signInNewPerson(cloud, `enclave-${group}-${index}`, group)),
  );
  const [code = '', data = ''] = (await Promise.all([codePartner?.ask('showMe'), owner?.ask('showMe')])).map(
    me => me?.name ?? '',
  );
  names = { code, data };
  version = await deliverOwnedDataset(cloud, codePartner as ApiClient, owner as ApiClient, dataset);
  await publishTestVersion(cloud, 'enclave-parent', 'ami-0e0e0e0e0e0e0e0e0', measureLoader());
  built = await buildProjectFor(operator as ApiClient, lead as ApiClient, project);
  await expect(propose()).rejects.toThrow(/enclave-runs has no approved use of .* broch dataset request/);
  use = await grantDataset(lead as ApiClient, owner as ApiClient, project, dataset);
});

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
    expect(run.manifest.loader).toEqual(measureLoader());
  });

  it('is authorised when both parties approved, and by nobody else', async () => {
    const run = await propose();
    await expect(approve(stranger, run)).rejects.toThrow(/Only .* decide about this run/);
    await expect(approve(owner, run, { manifest: '0'.repeat(96) })).rejects.toThrow(/another manifest/);
    await expect(approve(owner, run, { keys: {} })).rejects.toThrow(/key for the packed file/);
    const listOwnIds = async (person: ApiClient | undefined) =>
      ((await person?.ask('listPartyEnclaveRuns', {}))?.items ?? []).map(({ id }) => id);
    expect(await listOwnIds(owner)).toContain(run.id);
    expect(await listOwnIds(stranger)).not.toContain(run.id);
    expect(await approve(owner, run)).toMatchObject({ status: 'proposed' });
    expect(await approve(codePartner, run)).toMatchObject({ status: 'authorised' });
    const params = { project, run: run.id };
    expect(await operator?.ask('showEnclaveRun', { params })).toMatchObject({ status: 'authorised' });
    await expect(stranger?.ask('showEnclaveRun', { params })).rejects.toThrow(/Only the parties/);
  });

  it('takes no loader that nobody approved, and nobody for the code who is no partner', async () => {
    const loader = { ...measureLoader(), pcr0: 'a'.repeat(96) };
    await expect(propose(names.code, { loader })).rejects.toThrow(/not the approved one: its PCR0/);
    await expect(propose(names.data)).rejects.toThrow(/is not in the group partner/);
    // Whoever shall decide reads beforehand which one it is.
    expect((await stranger?.ask('showEnclaveLoader', {}))?.measurements).toEqual(measureLoader());
    const inputs = manifest.inputs.map(input => ({ ...input, dataset }));
    await expect(propose(names.code, { inputs })).rejects.toThrow(/has no version e+\./);
  });
});

describe('an approved run', () => {
  const playing = new AbortController();
  const logLines: string[] = [];
  const s3 = new S3Client(cloud.configuration);
  let play: PlayedEnclave = {};
  let stage: EnclaveStage;
  let parties: { data: EnclaveParty; code: EnclaveParty; outputs: string };
  let packs: { data: PackedFile; code: PackedFile };
  let petra: ReturnType<typeof openPartyShell>;

  beforeAll(async () => {
    const log = (line: string) => logLines.push(line);
    stage = await playParents(cloud, { signal: playing.signal, plays: () => play, log });
    const parentRole = built.network.datasets?.role ?? '';
    const [data, code, outputs] = await Promise.all([
      createParty(cloud, stage, { name: 'data', parentRole }),
      createParty(cloud, stage, { name: 'code', parentRole, account: '444455556666' }),
      createOutputsKey(cloud, stage, parentRole),
    ]);
    expect(code.key).toMatch(/:444455556666:key/);
    parties = { data, code, outputs };
    const { 'enclave-petra': typeLine } = await enrolJourneyPeople(cloud, { 'enclave-petra': 'partner' });
    petra = openPartyShell(typeLine, code, stage);
    packs = {
      data: await data.pack('patients', examplePatients()),
      code: await code.pack('classifier', exampleArtefact()),
    };
    await upload();
  });
  afterAll(async () => {
    playing.abort();
    await stage.close();
  });

  const keysOf = { code: 'data/enclaves/classifier.pack', data: 'data/enclaves/patients.pack' };
  const upload = async (code = packs.code.packed) => {
    const { bucket: Bucket } = built.network;
    for (const [Key, Body] of [[keysOf.code, code] as const, [keysOf.data, packs.data.packed] as const])
      await s3.send(new PutObjectCommand({ Bucket, Key, Body }));
  };
  function proposePacked(change: object = {}): Promise<EnclaveRun> {
    const body = {
      codePartner: names.code ?? '',
      artefact: objectOf(keysOf.code, packs.code),
      inputs: [{ ...objectOf(keysOf.data, packs.data), dataset, version }],
      outputs: { maxBytes: 10_000, maxFiles: 3, kmsKey: parties.outputs },
      limits: { vcpus: 2, memoryMiB: 256, seconds: 60 },
      notAfter: inThirtyDays(),
      ...change,
    };
    return lead?.ask('proposeEnclaveRun', { params: { project }, body }) as Promise<EnclaveRun>;
  }

  async function authorise(): Promise<EnclaveRun> {
    const run = await proposePacked();
    await approve(owner, run, await parties.data.approve(run, [packs.data]));
    await approve(codePartner, run, await parties.code.approve(run, [packs.code]));
    return run;
  }

  /** As the code partner does it at its own machine: it packs, uploads, and approves with its key. */
  async function authoriseByCommand() {
    const { file, sha256, bytes } = await packExample(petra, parties.code.key);
    const run = await proposePacked({
      codePartner: 'enclave-petra',
      artefact: { key: 'data/enclaves/petra.pack', sha256, bytes, kmsKey: parties.code.key },
    });
    await petra(`broch enclave upload ${project} ${run.id} ${file}`);
    await approve(owner, run, await parties.data.approve(run, [packs.data]));
    const authorised = await petra(
      `broch enclave grant ${project} ${run.id} --manifest ${run.digest} --packed ${file}`,
    );
    expect(authorised).toMatchObject({ status: 'authorised' });
    return { run, header: (await readPackedFile(file)).header };
  }

  async function perform(run: EnclaveRun): Promise<EnclaveRun> {
    const params = { project, run: run.id };
    await lead?.ask('startEnclaveRun', { params });
    return waitUntil(
      () => lead?.ask('showEnclaveRun', { params }) as Promise<EnclaveRun>,
      ({ status }) => status !== 'running' && status !== 'authorised',
    );
  }

  const expectNothingLeft = (run: string) =>
    waitUntil(
      () => listLeftovers(cloud, stage, { project, run, keys: [parties.data.key, parties.code.key] }),
      leftovers => leftovers.length === 0,
    );

  it('computes, brings its outputs to the airlock, leaves evidence that both can check, and nothing else', async () => {
    const { run: authorised, header } = await authoriseByCommand();
    const run = await perform(authorised);
    const course = [...logLines, JSON.stringify(run)].join('\n');
    expect(run, course).toMatchObject({ status: 'completed', outputs: { packed: expect.any(Number) } });
    const table = await readDraftedTable(cloud, lead as ApiClient, built.network.bucket, run);
    expect(table).toBe('group,patients\nhigh,12\nlow,13\n');
    const readEvidence = async () => RunEvidence.parse(await petra(`broch enclave evidence ${project} ${run.id}`));
    const evidence = await readEvidence();
    const roots = [toPem(readAuthority(cloud.authority).root.certificate)];
    expect(judgeEvidence(evidence, { roots }).filter(({ ok }) => !ok)).toEqual([]);
    await expectNothingLeft(run.id);
    await expect(perform(run)).rejects.toThrow(/completed/);
    const buckets = [built.network.bucket, cloud.outputs['data.Evidence'] ?? ''];
    await expectNoSecretStored(cloud, stage, { buckets, run: run.id, headers: [packs.data.header, header] });
    expect(logLines.join('\n')).not.toMatch(/secret|AWS4|SecretAccessKey/i);
    const place = { project, request: requestOf(run.id) };
    await expectReleaseInEvidence(cloud, lead as ApiClient, place, evidence, readEvidence, roots[0] ?? '');
  });

  it('is refused for good once its partner takes the approval back', async () => {
    const { run } = await authoriseByCommand();
    expect(await petra(`broch enclave revoke ${project} ${run.id} --reason 'The agreement ended.'`)).toEqual({
      ok: true,
      revoked: 1,
      status: 'refused',
    });
    await expect(lead?.ask('startEnclaveRun', { params: { project, run: run.id } })).rejects.toThrow(/refused/);
    await expect(approve(owner, run)).rejects.toThrow(/refused/);
    await expectNothingLeft(run.id);
  });

  it.each<[string, (run: EnclaveRun) => Promise<PlayedEnclave>, RegExp]>([
    [
      'whose code was exchanged',
      async () => {
        const { packed } = packs.code;
        await upload(Buffer.concat([packed.subarray(0, -1), Buffer.of(255 - (packed.at(-1) ?? 0))]));
        return {};
      },
      /loader ended/,
    ],
    [
      'whose approval is revoked while it runs',
      async run => ({ before: () => parties.data.revoke(run) }),
      /KMS refused Decrypt/,
    ],
    ['whose enclave is in debug mode', async () => ({ debug: true }), /debug mode/],
    ['whose image is not the loader', async () => ({ otherImage: true }), /PCR0/],
    [
      'whose dataset is suspended while it runs',
      async () => ({ before: () => suspend(owner, dataset) }),
      /suspended: A consent is in doubt/,
    ],
  ])('%s ends without outputs, and says why', async (_, prepare, reason) => {
    const run = await authorise();
    play = await prepare(run);
    const failed = await perform(run);
    play = {};
    await resumeIfSuspended(owner, dataset);
    await upload();
    expect(failed.status, logLines.join('\n')).toBe('failed');
    expect(failed.status === 'failed' && failed.reason).toMatch(reason);
    await expectNothingLeft(run.id);
  });

  it('whose grant is gone does not start', async () => {
    const run = await authorise();
    await parties.code.revoke(run);
    expect(await perform(run)).toMatchObject({ status: 'failed', reason: expect.stringMatching(/No grant permits/) });
    await expectNothingLeft(run.id);
  });

  it('is ended by the sweeper if somebody stops its workflow', async () => {
    const run = await authorise();
    const signal = Promise.withResolvers<void>();
    play = { before: () => stopWorkflow(cloud, run.id).then(signal.resolve) };
    const params = { project, run: run.id };
    await lead?.ask('startEnclaveRun', { params });
    await signal.promise;
    play = {};
    await sweepLater(cloud, run);
    const reason = expect.stringMatching(/workflow was stopped/);
    expect(await lead?.ask('showEnclaveRun', { params })).toMatchObject({ status: 'failed', reason });
    await expectNothingLeft(run.id);
  });

  it('leaves nothing, whichever AWS call of its workflow fails', async () => {
    await tryRunFaults(cloud, project, {
      prepare: authorise,
      perform: async run => {
        const { status } = await perform(run);
        await expectNothingLeft(run.id);
        return status;
      },
    });
  }, 900_000);

  it('does not start if its project may no longer use the data', async () => {
    const run = await authorise();
    await lead?.ask('endUse', { params: { project, use }, body: { reason: 'The analysis is finished.' } });
    await expect(lead?.ask('startEnclaveRun', { params: { project, run: run.id } })).rejects.toThrow(/approved use/);
    await owner?.ask('refuseEnclaveRun', { params: { project, run: run.id }, body: { reason: 'No use.' } });
    await expectNothingLeft(run.id);
  });
});
