import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { judgeEvidence } from '../../functions/enclaves/evidence.ts';
import type { EnclaveRun } from '../../functions/enclaves/schemas.ts';
import type { DemoSetup } from '../demo-setup.ts';
import { readAuthority } from '../enclaves/authority-file.ts';
import { toPem } from '../enclaves/certificates.ts';
import { exampleArtefact, examplePatients } from '../enclaves/example.ts';
import { createOutputsKey, createParty, type EnclaveParty, type PackedFile } from '../enclaves/parties.ts';
import { type PlayedEnclave, playParents } from '../enclaves/play-parents.ts';
import { clientConfigFor } from '../roles.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { withDesktopFolder } from './desktop.ts';
import { publishNewVersion } from './images.ts';
import { pollUntilSettled } from './until.ts';

const [project, dataset] = ['asthma', 'open-charts'];
const places = { code: 'data/enclaves/classifier.pack', data: 'data/enclaves/patients.pack' };

interface Partners {
  readonly parties: { readonly data: EnclaveParty; readonly code: EnclaveParty };
  readonly packs: { readonly data: PackedFile; readonly code: PackedFile };
  readonly outputsKey: string;
  readonly version: string;
}

/** As `broch enclave upload` does it, with credentials for this one object. */
async function uploadPack(stage: DemoSetup, name: string, run: string, { packed, sha256 }: PackedFile): Promise<void> {
  const access = await stage.as(name).ask('openEnclaveUpload', { params: { project, run }, body: { sha256 } });
  const s3 = new S3Client(clientConfigFor(stage.facts, access));
  await s3.send(new PutObjectCommand({ Bucket: access.bucket, Key: access.prefix, Body: packed }));
  s3.destroy();
}

/** What an attacker with a desktop in the project can do: put something else in the place of the code. */
const exchangeCode = (stage: DemoSetup, packed: Uint8Array) =>
  withDesktopFolder(stage, project, ({ s3, bucket }) =>
    s3.send(new PutObjectCommand({ Bucket: bucket, Key: places.code, Body: packed })),
  );

/** The same bytes, but for the last one. */
function changeLastByte(packed: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(packed);
  copy.set([255 - (packed.at(-1) ?? 0)], packed.length - 1);
  return copy;
}

const objectOf = (key: string, { sha256, bytes, kmsKey }: PackedFile) => ({ key, sha256, bytes, kmsKey });

/** Rana proposes; Stella, for the data, and Petra, for the code, approve the same manifest with their keys. */
async function authoriseRun(stage: DemoSetup, partners: Partners): Promise<EnclaveRun> {
  const { parties, packs, outputsKey, version } = partners;
  const run = await stage.as('rana').ask('proposeEnclaveRun', {
    params: { project },
    body: {
      codePartner: 'petra',
      artefact: objectOf(places.code, packs.code),
      inputs: [{ ...objectOf(places.data, packs.data), dataset, version }],
      outputs: { maxBytes: 10_000, maxFiles: 3, kmsKey: outputsKey },
      limits: { vcpus: 2, memoryMiB: 256, seconds: 60 },
      notAfter: new Date(Date.now() + 30 * 24 * 3600_000).toISOString(),
    },
  });
  const params = { project, run: run.id };
  for (const [name, party, pack] of [
    ['stella', parties.data, packs.data],
    ['petra', parties.code, packs.code],
  ] as const) {
    await uploadPack(stage, name, run.id, pack);
    await stage.as(name).ask('approveEnclaveRun', {
      params,
      body: { manifest: run.digest, ...(await party.approve(run, [pack])) },
    });
  }
  return run;
}

async function performRun(stage: DemoSetup, { id }: EnclaveRun): Promise<EnclaveRun> {
  const params = { project, run: id };
  await stage.as('rana').ask('startEnclaveRun', { params });
  return pollUntilSettled(
    () => stage.as('rana').ask('showEnclaveRun', { params }),
    ({ status }) => status !== 'running',
    120,
  );
}

function reasonOf(run: EnclaveRun): string {
  assertHolds(run.status === 'failed', `the run is ${JSON.stringify(run).slice(0, 300)}`);
  return run.reason;
}

/** A partner's confidential code runs on an owner's confidential data; neither shows it, and three attacks fail. */
export const tellEnclaves: ChapterTeller = async (stage, tell) => {
  const playing = new AbortController();
  let play: PlayedEnclave = {};
  const enclaves = await playParents(stage.facts, { signal: playing.signal, plays: () => play });
  try {
    const partners = await tell('Petra packs her classifier, Stella packs her patients', async () => {
      await publishNewVersion(stage, 'enclave-parent');
      const owned = await stage.as('olga').ask('showProject', { params: { project } });
      const parentRole = (owned.status === 'ready' && owned.network.datasets?.role) || '';
      const data = await createParty(stage.facts, enclaves, { name: 'data', parentRole });
      const code = await createParty(stage.facts, enclaves, { name: 'code', parentRole });
      const packs = {
        data: await data.pack('patients', examplePatients()),
        code: await code.pack('classifier', exampleArtefact()),
      };
      const { items } = await stage.as('rana').ask('listProjectUses', { params: { project } });
      return {
        message: `Each encrypted with a key of its own, under a policy that denies decryption to everyone but the attested loader: to administrators, to the account's root, and to the other party. The packed files are ciphertext.`,
        ids: { code: packs.code.sha256, data: packs.data.sha256 },
        parties: { data, code },
        packs,
        outputsKey: await createOutputsKey(stage.facts, enclaves, parentRole),
        version: items.find(use => use.dataset === dataset && use.status === 'approved')?.version ?? '',
      };
    });

    const { run } = await tell('Rana proposes a run; Stella and Petra approve the same manifest', async () => {
      const proposed = await authoriseRun(stage, partners);
      return {
        message: `The manifest fixes the loader, the code, the data, what may come out and the limits. Its SHA-384 is ${proposed.digest.slice(0, 16)}… Each party uploads its packed file with credentials for this one object.`,
        ids: { run: proposed.id, manifest: proposed.digest },
        run: proposed,
      };
    });

    await tell('The enclave attests itself, gets the keys, computes and ends', async () => {
      const completed = await performRun(stage, run);
      assertHolds(completed.status === 'completed', `the run is ${JSON.stringify(completed).slice(0, 400)}`);
      const params = { project, request: completed.request };
      const request = await pollUntilSettled(
        () =>
          stage
            .as('rana')
            .ask('showRequest', { params })
            .catch(() => undefined),
        answer => answer !== undefined,
      );
      return {
        message: `The code read the patients at /data/${dataset}/${partners.version.slice(0, 12)}, and could not change them. The outputs are in the airlock as ${request?.id}, which is a ${request?.status} for Rana to submit. The instance and both grants are gone.`,
        ids: { run: run.id, request: completed.request, outputs: completed.outputs.sha256 },
      };
    });

    await tell('Petra checks the evidence offline', async () => {
      const evidence = await stage.as('petra').ask('showEnclaveEvidence', { params: { project, run: run.id } });
      const roots = [toPem(readAuthority(stage.facts.authority).root.certificate)];
      const checks = judgeEvidence(evidence, { roots });
      assertHolds(
        checks.every(({ ok }) => ok),
        JSON.stringify(checks),
      );
      return { message: checks.map(({ reason }) => reason).join('\n'), ids: { run: run.id } };
    });

    await tell('Attack: somebody exchanges the packed code', async () => {
      const { packed } = partners.packs.code;
      const attacked = await authoriseRun(stage, partners);
      await exchangeCode(stage, changeLastByte(packed));
      const reason = reasonOf(await performRun(stage, attacked));
      return { message: reason, ids: { run: attacked.id } };
    });

    await tell('Attack: the run goes on although Stella revoked her grant', async () => {
      const attacked = await authoriseRun(stage, partners);
      play = { before: () => partners.parties.data.revoke(attacked) };
      const reason = reasonOf(await performRun(stage, attacked));
      play = {};
      assertHolds(/KMS refused/.test(reason), reason);
      return { message: reason, ids: { run: attacked.id } };
    });

    await tell('Attack: the enclave runs in debug mode, where the instance could read it', async () => {
      const attacked = await authoriseRun(stage, partners);
      play = { debug: true };
      const reason = reasonOf(await performRun(stage, attacked));
      play = {};
      assertHolds(/debug/.test(reason), reason);
      return { message: reason, ids: { run: attacked.id } };
    });
  } finally {
    playing.abort();
    await enclaves.close();
  }
};
