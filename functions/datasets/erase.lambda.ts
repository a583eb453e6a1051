import { createPublicKey } from 'node:crypto';
import { GetPublicKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { DeleteObjectsCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { logger, stepHandler } from '../handler.ts';
import { hasLakeWriter } from '../lake-writers.ts';
import { putImmutable } from '../storage/immutable-objects.ts';
import { listObjects, readObject } from '../storage/object-read.ts';
import { s3 } from '../storage/s3.ts';
import { parseManifestHashes } from './manifest-hashes.ts';
import { isBeingMinimised } from './minimisation.ts';
import {
  buildErasureRecord,
  ErasedObject,
  type ErasureReceipt,
  type ErasureRecord,
  RECEIPT_ALGORITHM,
  receiptDigest,
} from './receipt.ts';
import type { DatasetTerms } from './schemas.ts';
import { changeTerms, pageCatalogue, pageDatasetUses } from './store.ts';
import { decideTerms } from './terms.ts';

export const env = z.object({ TABLE_NAME: z.string(), LAKE_BUCKET: z.string(), SIGNING_KEY: z.string() });
// The bundle exceeds 450 KB because it needs the clients of S3, DynamoDB and KMS.
const { TABLE_NAME, LAKE_BUCKET, SIGNING_KEY } = env.parse(process.env);
const kms = new KMSClient({});
const Inventory = z.array(ErasedObject);

type ListedVersion = Omit<ErasedObject, 'sha256'>;

/** All object versions and delete markers below a prefix. */
async function listVersions(prefix: string): Promise<ListedVersion[]> {
  const objects: ListedVersion[] = [];
  let position: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
  for (;;) {
    const page = await s3.send(
      new ListObjectVersionsCommand({ Bucket: LAKE_BUCKET, Prefix: prefix, EncodingType: 'url', ...position }),
    );
    const decode = (key = '') => (page.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key);
    for (const { Key, VersionId = 'null', Size = 0 } of page.Versions ?? [])
      objects.push({ bucket: LAKE_BUCKET, key: decode(Key), version: VersionId, size: Size });
    for (const { Key, VersionId = 'null' } of page.DeleteMarkers ?? [])
      objects.push({ bucket: LAKE_BUCKET, key: decode(Key), version: VersionId, size: 0 });
    if (!page.IsTruncated) return objects;
    position = {
      KeyMarker: page.NextKeyMarker === undefined ? undefined : decode(page.NextKeyMarker),
      VersionIdMarker: page.NextVersionIdMarker,
    };
  }
}

/** The SHA-256 of the files of a dataset, by key: its manifests name them. */
async function readHashes(dataset: string, objects: readonly ListedVersion[]): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const { key, version } of objects) {
    const [, name] = new RegExp(`^manifests/${dataset}/([0-9a-f]{64})$`).exec(key) ?? [];
    if (name === undefined) continue;
    const text = Buffer.from(await readObject({ bucket: LAKE_BUCKET, key, version })).toString('utf8');
    for (const [path, sha256] of parseManifestHashes(text))
      hashes.set(`datasets/${dataset}/${name}/data/${path}`, sha256);
  }
  return hashes;
}

/** Writes what will be deleted before anything is, and returns all that was ever written so for the dataset. */
async function recordInventory(dataset: string, objects: readonly ListedVersion[]): Promise<ErasedObject[]> {
  const folder = `receipts/${dataset}/inventory-`;
  const inventories = (await listObjects(LAKE_BUCKET, folder)) ?? [];
  const inventory: ErasedObject[] = [];
  for (const { path, version } of inventories)
    inventory.push(
      ...Inventory.parse(
        JSON.parse(
          Buffer.from(await readObject({ bucket: LAKE_BUCKET, key: folder + path, version })).toString('utf8'),
        ),
      ),
    );
  const names = new Set(inventory.map(({ key, version }) => `${key}\n${version}`));
  const additions = objects.filter(({ key, version }) => !names.has(`${key}\n${version}`));
  if (additions.length === 0) return inventory;
  const hashes = await readHashes(dataset, objects);
  const addition = additions.map((object): ErasedObject => {
    const sha256 = hashes.get(object.key);
    return { ...object, ...(sha256 !== undefined && { sha256 }) };
  });
  await putImmutable(LAKE_BUCKET, `${folder}${inventories.length}.json`, JSON.stringify(addition));
  return [...inventory, ...addition];
}

/** Deletes the versions. S3 refuses what is locked: then it returns false, and a later call tries again. */
async function eraseVersions(objects: readonly ListedVersion[]): Promise<boolean> {
  for (let offset = 0; offset < objects.length; offset += 1000) {
    const { Errors = [] } = await s3.send(
      new DeleteObjectsCommand({
        Bucket: LAKE_BUCKET,
        Delete: {
          Quiet: true,
          Objects: objects.slice(offset, offset + 1000).map(({ key, version }) => ({ Key: key, VersionId: version })),
        },
      }),
    );
    const failure = Errors.find(({ Code }) => Code !== 'AccessDenied');
    if (failure) throw new Error(`${failure.Key} could not be deleted: ${failure.Code}`);
    if (Errors.length > 0) return false;
  }
  return true;
}

async function signReceipt(record: ErasureRecord): Promise<ErasureReceipt> {
  const { Signature = new Uint8Array() } = await kms.send(
    new SignCommand({
      KeyId: record.keyId,
      Message: receiptDigest(record),
      MessageType: 'DIGEST',
      SigningAlgorithm: RECEIPT_ALGORITHM,
    }),
  );
  const { PublicKey = new Uint8Array() } = await kms.send(new GetPublicKeyCommand({ KeyId: record.keyId }));
  const publicKey = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
  return {
    record,
    signature: Buffer.from(Signature).toString('base64'),
    publicKey: publicKey.export({ format: 'pem', type: 'spki' }) as string,
  };
}

/** Whether a delivery or a minimised version of the dataset may be written now: it would be missing in the receipt. */
async function isWritten(dataset: string): Promise<boolean> {
  const now = currentTime();
  if (await hasLakeWriter(TABLE_NAME, dataset, now)) return true;
  for (let next: string | undefined; ; ) {
    const page = await pageDatasetUses(TABLE_NAME, dataset, { limit: 100, next });
    if (page.items.some(use => isBeingMinimised(use, now))) return true;
    next = page.next;
    if (next === undefined) return false;
  }
}

/** Deletes a withdrawn dataset as far as its locks allow. The receipt is signed once nothing is left. */
async function eraseDataset(terms: DatasetTerms, withdrawal: NonNullable<DatasetTerms['withdrawn']>): Promise<void> {
  const { dataset, controller, licence } = terms;
  if (await isWritten(dataset)) return logger.info('a step may still write to the lake', { dataset });
  const prefixes = [`datasets/${dataset}/`, `manifests/${dataset}/`];
  const list = async () => (await Promise.all(prefixes.map(listVersions))).flat();
  const objects = await list();
  const inventory = await recordInventory(dataset, objects);
  if (!(await eraseVersions(objects))) return logger.info('still locked', { dataset });
  if ((await list()).length > 0) return logger.warn('versions arrived while it was deleted', { dataset });
  if (inventory.length === 0) return;
  const now = currentTime();
  const record = buildErasureRecord({
    dataset,
    controller,
    licence,
    withdrawnAt: withdrawal.at,
    withdrawnBy: withdrawal.byName,
    reason: withdrawal.reason,
    objects: inventory,
    deletedAt: now,
    keyId: SIGNING_KEY,
  });
  const receipt = await signReceipt(record);
  const key = `receipts/${dataset}/receipt.json`;
  const reference = await putImmutable(LAKE_BUCKET, key, JSON.stringify(receipt));
  const command = { do: 'recordErasure', receipt: reference, objects: record.objects.length } as const;
  await changeTerms(TABLE_NAME, dataset, read => decideTerms(read, command, now), now);
}

/** Once an hour: deletes what is left of withdrawn datasets whose locks have ended. */
export const handler = stepHandler(z.object({}), async () => {
  for (let next: string | undefined; ; ) {
    const page = await pageCatalogue(TABLE_NAME, { limit: 100, next });
    for (const terms of page.items) if (terms.withdrawn && !terms.erased) await eraseDataset(terms, terms.withdrawn);
    next = page.next;
    if (next === undefined) return;
  }
});
