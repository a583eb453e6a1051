import { DecryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { Refused } from '../refused.ts';
import { putImmutable } from '../storage/immutable-objects.ts';
import { s3 } from '../storage/s3.ts';
import { RunStep, readNetwork, readRunning } from './attempt.ts';
import { decideEnclaveRun } from './enclaves.ts';
import { collectEvidence, judgeEvidence, readSignedOutputs } from './evidence.ts';
import { runContext } from './key-policy.ts';
import { readOutputArchive, requirePermittedOutputs } from './pack/archive-reader.ts';
import { unpackArchive } from './pack/pack.ts';
import { readParentReport } from './parent-reports.ts';
import { evidenceKey, outputsPrefix, requestOf } from './schemas.ts';
import { changeEnclaveRun } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  BUCKETS: z.string(),
  EVIDENCE_BUCKET: z.string(),
  ROOTS: z.string(),
  OUTPUT_KEYS: z.string(),
});
const { TABLE_NAME, EVIDENCE_BUCKET, ROOTS } = env.parse(process.env);
const roots = z.array(z.string()).parse(JSON.parse(ROOTS));

async function* streamOf(bytes: Uint8Array) {
  yield bytes;
}

/** Decrypts the outputs with the owner's key, for the run and manifest that the enclave encrypted them for. */
async function openOutputs(packed: Uint8Array, kmsKey: string, context: Record<string, string>): Promise<Uint8Array> {
  const kms = new KMSClient({ region: kmsKey.split(':')[3] ?? '' });
  const parts: Uint8Array[] = [];
  const archive = unpackArchive(streamOf(packed), async header => {
    if (header.kmsKey !== kmsKey) throw new Refused('conflict', 'The outputs are packed with another key.');
    const { Plaintext } = await kms.send(
      new DecryptCommand({
        KeyId: kmsKey,
        CiphertextBlob: Buffer.from(header.wrappedKey, 'base64'),
        EncryptionContext: context,
      }),
    );
    if (!Plaintext) throw new Error('KMS gave no data key');
    return Plaintext;
  });
  for await (const part of archive) parts.push(part);
  return Buffer.concat(parts);
}

/** Judges everything that a run left, keeps it as evidence, and puts the outputs where only the airlock reads them. */
export const handler = stepHandler(RunStep, async (step): Promise<void> => {
  const run = await readRunning(TABLE_NAME, step);
  const { network } = await readNetwork(TABLE_NAME, run.project);
  const instance = run.instance ?? '';
  const [attestation, statement, packed] = await Promise.all([
    readParentReport(network, instance, 'attestation'),
    readParentReport(network, instance, 'result'),
    readParentReport(network, instance, 'outputs'),
  ]);
  const evidence = collectEvidence(run, attestation, Buffer.from(statement).toString());
  if (!evidence) throw new Refused('conflict', 'The instance did not hand over a signed result.');
  const trust = { ...(roots.length > 0 && { roots }), outputs: packed, module: run.module };
  const wrong = judgeEvidence(evidence, trust).find(({ ok }) => !ok);
  if (wrong) throw new Refused('conflict', `The evidence of the run does not hold: ${wrong.reason}`);
  const { kmsKey } = run.manifest.outputs;
  const files = readOutputArchive(await openOutputs(packed, kmsKey, runContext(run.id, run.digest)));
  requirePermittedOutputs(run.manifest, files);
  for (const { name, content } of files)
    await s3.send(
      new PutObjectCommand({ Bucket: network.bucket, Key: `${outputsPrefix(run.id)}${name}`, Body: content }),
    );
  await putImmutable(EVIDENCE_BUCKET, evidenceKey(run), JSON.stringify(evidence));
  const now = currentTime();
  const command = { do: 'complete', request: requestOf(run.id), outputs: readSignedOutputs(evidence) } as const;
  await changeEnclaveRun(
    TABLE_NAME,
    { project: run.project, id: run.id },
    read => decideEnclaveRun(read, command, now),
    now,
  );
});
