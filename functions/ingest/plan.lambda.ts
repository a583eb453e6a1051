import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { sha256 } from '../hash.ts';
import type { Finding } from '../identifiers.ts';
import { DELIVERED_FILE_BYTES, formatSortedManifest, packChunks } from '../storage/chunks.ts';
import { type ListedObject, listObjects, readObject } from '../storage/object-read.ts';
import { pathFinding } from '../storage/paths.ts';
import { putScratch } from '../storage/scratch-store.ts';
import { bagTagFiles, compareWithManifest } from './compare.ts';
import { type DeliveryCommand, decideDelivery, foreignDataset, landingPrefix } from './ingest.ts';
import { manifestLimits } from './manifest.ts';
import { readPartner } from './partner-store.ts';
import { agreementProblem } from './partners.ts';
import { manifestNames } from './schemas.ts';
import { DeliveryCheck, deliveryCheckFolder } from './steps.ts';
import {
  changeDelivery,
  findWithdrawal,
  readContract,
  readDatasetOwner,
  readDatasetVersion,
  readDelivery,
} from './store.ts';
import { findMissingTables } from './table-contract.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  LANDING_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  /** S3 computes the SHA-256 of a larger file, which no function could read in its time. */
  STREAM_BYTES: z.coerce.number().int().min(1),
});
// The bundle exceeds 450 KB because it needs the clients of both S3 and DynamoDB.
const { TABLE_NAME, LANDING_BUCKET, WORK_BUCKET, STREAM_BYTES } = env.parse(process.env);

type Planned =
  | { outcome: 'ignored'; reason: string }
  | { outcome: 'held'; findings: string[] }
  | {
      outcome: 'ready';
      dataset: string;
      chunks: string[];
      /** The files whose SHA-256 S3 computes, if there are any. */
      large: string | null;
      /** The sorted manifest, its SHA-256, and whether the catalogue already has that version. */
      manifest: string;
      version: string;
      known: boolean;
      /** Whether it is registered without the decision of a data steward. */
      automatic: boolean;
      /** Whether a data steward accepted the files without a result of the malware scan. */
      unscanned: boolean;
      /** The data contract of the dataset, if it has one. */
      contract: string | null;
      digest: string;
      files: number;
      bytes: number;
    };

const readListed = (prefix: string, { path, version }: ListedObject) =>
  readObject({ bucket: LANDING_BUCKET, key: prefix + path, version });

/**
 * Leaves out copies of the manifest that the manifest does not list. An SFTP client that renames a temporary file leaves such a
 * copy for a moment, because S3 renames by copying and then deleting.
 */
async function withoutManifestCopies(present: ListedObject[], prefix: string, manifest: string) {
  const original = present.find(({ path }) => path === manifest);
  if (!original || original.size > manifestLimits.bytes) return present;
  const sameSizeFiles = present.filter(({ path, size }) => size === original.size && !textNames.has(path));
  if (sameSizeFiles.length === 0) return present;
  const bytes = Buffer.from(await readListed(prefix, original));
  const copies = new Set<ListedObject>();
  // A client leaves one such copy. More than ten files of this size are not an accident.
  for (const file of sameSizeFiles.slice(0, 10))
    if (!bytes.includes(file.path) && bytes.equals(await readListed(prefix, file))) copies.add(file);
  return present.filter(file => !copies.has(file));
}

const textNames: ReadonlySet<string> = new Set([...manifestNames, ...bagTagFiles]);

/**
 * Records the version of every file of a delivery, compares the files with the manifest, and divides them into chunks.
 * The result contains only keys of the work bucket, so its size does not grow with the number of files.
 */
export const handler = stepHandler(DeliveryCheck, async (check): Promise<Planned> => {
  const { partner, delivery: id, manifest, manifestVersion } = check;
  const delivery = await readDelivery(TABLE_NAME, partner, id);
  if (!delivery) return { outcome: 'ignored', reason: 'there is no such delivery' };

  const now = currentTime();
  const change = (command: DeliveryCommand) =>
    changeDelivery(TABLE_NAME, partner, id, read => decideDelivery(read, command, now), now);
  const prefix = landingPrefix(partner, id);
  const uploads = await listObjects(LANDING_BUCKET, prefix);
  const present = uploads && (await withoutManifestCopies(uploads, prefix, manifest));
  const ownManifest = present?.find(({ path }) => path === manifest);
  if (present && ownManifest?.version !== manifestVersion)
    return { outcome: 'ignored', reason: 'a newer upload of the manifest has a check of its own' };

  const read = (file: ListedObject) => readListed(prefix, file);
  const fits = ownManifest !== undefined && ownManifest.size <= manifestLimits.bytes;
  if (delivery.status === 'registered') {
    const digest = fits ? sha256(await read(ownManifest)) : undefined;
    await change({ do: 'noteManifest', digest });
    return { outcome: 'ignored', reason: 'the delivery is registered' };
  }
  const { superseded: isStale, state } = await change({ do: 'beginCheck', manifest, check: check.check });
  if (isStale) return { outcome: 'ignored', reason: 'the delivery is registered or cancelled' };

  const holdDelivery = async (findings: Finding[]): Promise<Planned> => ({
    outcome: 'held',
    findings: [await putScratch(WORK_BUCKET, deliveryCheckFolder(check), JSON.stringify(findings))],
  });
  if (!present)
    return holdDelivery([
      pathFinding('', 'Too many files, or too many versions of them, were uploaded. Open a new delivery.'),
    ]);
  const textFiles = present.filter(({ path }) => path === manifest || bagTagFiles.some(name => name === path));
  const large = textFiles.filter(({ size }) => size > manifestLimits.bytes);
  if (large.length > 0)
    return holdDelivery(
      large.map(({ path }) =>
        pathFinding(
          path,
          `This file has more than ${manifestLimits.bytes} bytes. Split the files into several deliveries.`,
        ),
      ),
    );
  const owner = await readDatasetOwner(TABLE_NAME, delivery.dataset);
  if (owner && owner.partner !== partner) return holdDelivery([pathFinding('', foreignDataset(delivery.dataset))]);
  const withdrawal = await findWithdrawal(TABLE_NAME, delivery.dataset);
  if (withdrawal !== undefined) {
    await change({ do: 'refuseWithdrawn', check: check.check, reason: withdrawal });
    return { outcome: 'ignored', reason: 'the dataset is withdrawn' };
  }
  const record = await readPartner(TABLE_NAME, partner);
  const problem = agreementProblem(record, { dataset: delivery.dataset, now });
  if (problem !== undefined) return holdDelivery([pathFinding('', problem)]);
  const texts = new Map<string, Uint8Array>();
  for (const file of textFiles) texts.set(file.path, await read(file));
  const { files, findings } = compareWithManifest({ dataset: delivery.dataset, manifest, present, texts });
  const contract = await readContract(TABLE_NAME, delivery.dataset);
  const targets = files.flatMap(({ target }) => target ?? []);
  const missingTables = (contract ? findMissingTables(contract, targets) : []).map(path =>
    pathFinding(
      path,
      'The data contract of the dataset has this table, and no file is it. Upload it, then the manifest.',
    ),
  );
  if (findings.length + missingTables.length > 0) return holdDelivery([...findings, ...missingTables]);

  const sorted = formatSortedManifest(files);
  const version = sha256(sorted);
  const chunks: string[] = [];
  for (const chunk of packChunks(files, DELIVERED_FILE_BYTES))
    chunks.push(await putScratch(WORK_BUCKET, deliveryCheckFolder(check), JSON.stringify(chunk)));
  const unread = files.filter(({ size }) => size > STREAM_BYTES);
  const payload = files.filter(({ target }) => target !== undefined);
  return {
    outcome: 'ready',
    dataset: delivery.dataset,
    chunks,
    large: unread.length > 0 ? await putScratch(WORK_BUCKET, deliveryCheckFolder(check), JSON.stringify(unread)) : null,
    manifest: await putScratch(WORK_BUCKET, deliveryCheckFolder(check), sorted),
    version,
    known: (await readDatasetVersion(TABLE_NAME, delivery.dataset, version)) !== undefined,
    automatic: record?.acceptance === 'automatic',
    unscanned: 'unscanned' in state && state.unscanned !== undefined,
    contract: contract ? await putScratch(WORK_BUCKET, deliveryCheckFolder(check), JSON.stringify(contract)) : null,
    digest: sha256(texts.get(manifest) ?? ''),
    files: payload.length,
    bytes: payload.reduce((sum, { size }) => sum + size, 0),
  };
});
