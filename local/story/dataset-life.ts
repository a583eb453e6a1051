import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListObjectVersionsCommand, PutObjectRetentionCommand, S3Client } from '@aws-sdk/client-s3';
import type { DemoSetup } from '../demo-setup.ts';
import { eicarTestFile } from '../malware-engine.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { withDesktopFolder } from './desktop.ts';
import { spawnBroch } from './ingest.ts';
import { pollUntilSettled } from './until.ts';

const dataset = 'clinic-visits';
const file = 'visits.csv';
const content = Buffer.from(`id,clinic\n${'1,Ninewells\n'.repeat(1_600_000)}`);

/** What a browser does: bytes, an address, no AWS credentials. */
function putPart(url: string, ca: string, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const upload = request(url, { method: 'PUT', ca, headers: { 'content-length': bytes.length } }, answer => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    upload.on('error', reject);
    upload.end(bytes);
  });
}

/** Uploads one file in parts, as a web page of the partner does it. Returns the number of parts. */
async function uploadByBrowser(stage: DemoSetup, delivery: string, path: string, bytes: Buffer): Promise<number> {
  const petra = stage.as('petra');
  const params = { delivery };
  const ca = readFileSync(stage.facts.ca, 'utf8');
  const { upload, partBytes, parts } = await petra.ask('startUpload', { params, body: { path, size: bytes.length } });
  const numbers = Array.from({ length: parts }, (_, index) => index + 1);
  const { urls } = await petra.ask('signUpload', { params, body: { path, upload, parts: numbers } });
  for (const { part, url } of urls) {
    const status = await putPart(url, ca, bytes.subarray((part - 1) * partBytes, part * partBytes));
    assertHolds(status === 200, `part ${part} of ${path} was answered with ${status}`);
  }
  await petra.ask('completeUpload', { params, body: { path, upload, size: bytes.length } });
  return parts;
}

/** Delivers one file in parts, with its manifest, and waits until the check has ended. */
async function deliverByBrowser(stage: DemoSetup, path: string, bytes: Buffer) {
  const petra = stage.as('petra');
  const { id } = await petra.ask('openDelivery', { body: { dataset } });
  const parts = await uploadByBrowser(stage, id, path, bytes);
  const sums = `${createHash('sha256').update(bytes).digest('hex')}  ${path}\n`;
  await uploadByBrowser(stage, id, 'SHA256SUMS', Buffer.from(sums));
  const delivery = await pollUntilSettled(
    () => petra.ask('showDelivery', { params: { delivery: id } }),
    ({ status }) => status !== 'open' && status !== 'checking',
  );
  return { delivery, parts };
}

/** Time passes: the locks of the dataset end, and the hourly deletion runs. */
async function passTime(stage: DemoSetup): Promise<void> {
  const configuration = clientConfigFor(stage.facts, rootCredentialsFor(stage.facts.account));
  const [s3, lambda] = [new S3Client(configuration), new LambdaClient(configuration)];
  const Bucket = stage.facts.outputs['data.Lake'];
  for (const Prefix of [`datasets/${dataset}/`, `manifests/${dataset}/`]) {
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
    for (const { Key, VersionId } of Versions)
      await s3.send(
        new PutObjectRetentionCommand({
          ...{ Bucket, Key, VersionId, BypassGovernanceRetention: true },
          Retention: { Mode: 'GOVERNANCE', RetainUntilDate: new Date(Date.now() + 1000) },
        }),
      );
  }
  await sleep(1200);
  const { Functions = [] } = await lambda.send(new ListFunctionsCommand({ MaxItems: 1000 }));
  const erasure = Functions.find(({ Description }) => Description === 'functions/datasets/erase.lambda.ts');
  await lambda.send(new InvokeCommand({ FunctionName: erasure?.FunctionName, Payload: '{}' }));
  for (const client of [s3, lambda]) client.destroy();
}

const agreement = {
  organisation: 'The Vega project',
  contact: 'petra@vega.example',
  agreement: 'DSA 2026-14',
  startsAt: '2026-01-01T00:00:00Z',
  endsAt: '2126-01-01T00:00:00Z',
  datasets: ['*'],
};

/** What the desktops of asthma read of the dataset: the number of bytes, or the name of the error. */
const readOnDesktop = (stage: DemoSetup, alias: string, key: string) =>
  withDesktopFolder(stage, 'asthma', async ({ s3 }) => {
    try {
      const { ContentLength } = await s3.send(new GetObjectCommand({ Bucket: alias, Key: key }));
      return String(ContentLength);
    } catch (error) {
      return (error as Error).name;
    }
  });

/** A dataset from the partner's browser to the receipt of its deletion. */
export const tellDatasetLife: ChapterTeller = async (stage, tell) => {
  const [rana, stella] = [stage.as('rana'), stage.as('stella')];
  const partner = { params: { name: 'petra' } };

  const { delivery } = await tell(
    'Petra uploads a file in parts from her browser, without AWS credentials',
    async () => {
      await stella.ask('registerPartner', { ...partner, body: { ...agreement, acceptance: 'steward' } });
      const { delivery, parts } = await deliverByBrowser(stage, file, content);
      assertHolds(delivery.status === 'awaitingApproval', `the delivery is ${JSON.stringify(delivery).slice(0, 300)}`);
      return {
        message: `${content.length} bytes arrived in ${parts} parts by addresses that last ten minutes. GuardDuty found no malware, the checks found nothing, and the delivery awaits Stella.`,
        ids: { delivery: delivery.id },
        delivery: delivery.id,
      };
    },
  );

  await tell('Another delivery has malware in its last bytes', async () => {
    const { delivery } = await deliverByBrowser(
      stage,
      'notes.csv',
      Buffer.from(`id\n${'1\n'.repeat(1e6)}${eicarTestFile}`),
    );
    assertHolds(delivery.status === 'held', `the delivery is ${delivery.status}`);
    const [finding] = delivery.findings;
    assertHolds(finding && /found malware/.test(finding.reason), JSON.stringify(delivery.findings));
    return {
      message: `Held: ${finding.path}: ${finding.reason} Nobody can accept it.`,
      ids: { delivery: delivery.id },
    };
  });

  const { version } = await tell('Stella sees what arrived, and accepts it', async () => {
    await stella.ask('acceptDelivery', { params: { delivery } });
    const receipt = await pollUntilSettled(
      () => stella.ask('showDelivery', { params: { delivery } }),
      ({ status }) => status === 'registered' || status === 'held',
    );
    assertHolds(receipt.status === 'registered', `the delivery is ${receipt.status}`);
    await stella.ask('registerPartner', { ...partner, body: { ...agreement, acceptance: 'automatic' } });
    return { message: `It is a version of ${dataset} now, and its receipt names her.`, version: receipt.version };
  });

  const { alias, key } = await tell('The project gets this version, and its desktop reads it', async () => {
    await stage.as('olga').ask('governDataset', {
      params: { dataset },
      body: {
        owner: 'stella',
        title: 'Visits',
        controller: 'The Vega project',
        licence: 'DSA 2026-14',
        purposes: ['research'],
      },
    });
    const endsAt = new Date(Date.now() + 7 * 24 * 3600 * 1000).toISOString();
    const params = { project: 'asthma' };
    const body = { dataset, version, purpose: 'research' as const, endsAt, explanation: 'Visits by clinic.' };
    const use = await rana.ask('requestUse', { params, body });
    await stella.ask('approveUse', { params: { ...params, use: use.id }, body: {} });
    const project = await rana.ask('showProject', { params });
    const alias = project.status === 'ready' ? (project.network.datasets?.alias ?? '') : '';
    const key = `${use.prefix}data/${file}`;
    await pollUntilSettled(
      () => readOnDesktop(stage, alias, key),
      answer => answer === String(content.length),
    );
    return { message: `Its desktop reads all ${content.length} bytes of ${file}.`, ids: { use: use.id }, alias, key };
  });

  await tell('Stella withdraws it: it is gone everywhere, with a receipt that verifies', async () => {
    await stella.ask('withdrawDataset', { params: { dataset }, body: { reason: 'The agreement ended.' } });
    await pollUntilSettled(
      () => readOnDesktop(stage, alias, key),
      answer => answer === 'AccessDenied',
    );
    await passTime(stage);
    const { code, answer, errors } = await spawnBroch(stage, 'stella', 'dataset', 'receipt', dataset);
    assertHolds(code === 0, `broch dataset receipt ended with ${code}: ${errors.slice(-300)}`);
    const place = join(dirname(stage.facts.ca), 'receipt.json');
    writeFileSync(place, JSON.stringify(answer));
    const verification = await spawnBroch(stage, 'stella', 'dataset', 'verify-receipt', place);
    assertHolds(verification.code === 0, `the receipt is not valid: ${verification.errors.slice(-300)}`);
    const record = verification.answer.record as { objects: number };
    return {
      message: `No desktop reads it any more. Once the locks had ended, ${record.objects} object versions were deleted; \`broch dataset verify-receipt\` checks the signed list offline.`,
      ids: { dataset },
    };
  });
};
