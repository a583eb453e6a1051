import { DeleteObjectsCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { readVerified } from '../../storage/immutable-objects.ts';
import { hashObject, isGoneObject, isMissingObject, readObject } from '../../storage/object-read.ts';
import { mapInParallel, OBJECT_PARALLELISM } from '../../storage/parallel.ts';
import { s3 } from '../../storage/s3.ts';
import { StoredFiles } from '../release/released-files.ts';
import { SealManifest } from '../request/manifest.ts';
import type { RequestIn } from '../request/request.ts';
import type { ObjectPlace } from '../request/retention.ts';

/** One object version of an inventory: to be deleted, or deleted. */
export const DeletedObject = z.object({
  bucket: z.string(),
  key: z.string(),
  version: z.string(),
  size: z.number().int(),
  /** Absent only if the object was never sealed and is too large to hash. */
  sha256: z.string().optional(),
});
export type DeletedObject = z.infer<typeof DeletedObject>;

/** An object version, or a delete marker, found in a bucket. */
export interface FoundObject extends Omit<DeletedObject, 'sha256'> {
  readonly marker: boolean;
}
export type PlaceBuckets = Readonly<Partial<Record<ObjectPlace['bucket'], string>> & { released: string }>;

export function bucketOf(name: ObjectPlace['bucket'], buckets: PlaceBuckets): string {
  const bucket = buckets[name];
  if (bucket === undefined) throw new Error(`no bucket is given for ${name}`);
  return bucket;
}

/** All object versions whose keys begin with the prefix. */
async function listVersions(bucket: string, prefix: string): Promise<FoundObject[]> {
  const objects: FoundObject[] = [];
  for (let cursor: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {}; cursor; ) {
    // URL encoding, as XML has no way to write some characters that a key may have.
    const page: Awaited<ReturnType<typeof versions>> = await versions(bucket, prefix, cursor);
    const decode = (key = '') => (page.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key);
    for (const { Key, VersionId = 'null', Size = 0 } of page.Versions ?? [])
      objects.push({ bucket, key: decode(Key), version: VersionId, size: Size, marker: false });
    for (const { Key, VersionId = 'null' } of page.DeleteMarkers ?? [])
      objects.push({ bucket, key: decode(Key), version: VersionId, size: 0, marker: true });
    cursor = page.IsTruncated
      ? {
          ...(page.NextKeyMarker !== undefined && { KeyMarker: decode(page.NextKeyMarker) }),
          ...(page.NextVersionIdMarker !== undefined && { VersionIdMarker: page.NextVersionIdMarker }),
        }
      : undefined;
  }
  return objects;
}

/** All object versions in these places. */
export async function findObjects(places: readonly ObjectPlace[], buckets: PlaceBuckets): Promise<FoundObject[]> {
  const objects: FoundObject[] = [];
  for (const { bucket, prefix } of places) objects.push(...(await listVersions(bucketOf(bucket, buckets), prefix)));
  return objects;
}

const versions = (Bucket: string, Prefix: string, cursor: { KeyMarker?: string; VersionIdMarker?: string }) =>
  s3.send(new ListObjectVersionsCommand({ Bucket, Prefix, EncodingType: 'url', ...cursor }));

const name = ({ bucket, key, version }: Pick<DeletedObject, 'bucket' | 'key' | 'version'>) =>
  `${bucket} ${version} ${key}`;

/** Larger objects are not read just for their hash. */
const MAX_HASHED_BYTES = 4 * 1024 ** 3;

/**
 * Whether the error means that this version does not exist. S3 answers 403 to a role that may not list the bucket, so the
 * list of versions, which the role may read, decides.
 */
async function isAbsent(error: unknown, { bucket, key, version }: Pick<DeletedObject, 'bucket' | 'key' | 'version'>) {
  if (isMissingObject(error) || !isGoneObject(error)) return isMissingObject(error);
  return !(await listVersions(bucket, key)).some(object => object.key === key && object.version === version);
}

type Ended = RequestIn<'rejected' | 'withdrawn' | 'revoked' | 'expired'>;

/** The hashes known from seals and the release, so that most versions need not be read. */
async function knownHashes(
  request: Ended,
  objects: readonly FoundObject[],
  buckets: PlaceBuckets,
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const { bucket, key, version, marker } of objects) {
    const round = /^requests\/[^/]+\/\d+\//.exec(key)?.[0];
    if (marker || round === undefined || key !== `${round}manifest.json`) continue;
    for (const { path, versionId, sha256 } of filesOf(await readObject({ bucket, key, version })))
      hashes.set(name({ bucket, key: `${round}files/${path}`, version: versionId }), sha256);
  }
  // The list may be deleted long after its lock ends; then the objects are hashed instead.
  const list = 'release' in request ? request.release?.fileList : undefined;
  const releasedFiles =
    list === undefined
      ? []
      : await readVerified(buckets.released, list).catch(async (error: unknown) => {
          if (await isAbsent(error, { bucket: buckets.released, key: list.key, version: list.versionId })) return [];
          throw error;
        });
  for (const { key, versionId, sha256 } of StoredFiles.parse(releasedFiles))
    hashes.set(
      name({
        bucket: (request.direction === 'import' && buckets.project) || buckets.released,
        key,
        version: versionId,
      }),
      sha256,
    );
  return hashes;
}

/** The files of a manifest; none if it cannot be read. */
function filesOf(manifest: Uint8Array): SealManifest['files'] {
  try {
    return SealManifest.parse(JSON.parse(Buffer.from(manifest).toString('utf8'))).files;
  } catch {
    return [];
  }
}

/** Extends an inventory by the versions found since, each with its hash. */
export async function writeInventory(
  request: Ended,
  inventory: readonly DeletedObject[],
  objects: readonly FoundObject[],
  buckets: PlaceBuckets,
): Promise<DeletedObject[]> {
  const inventoryNames = new Set(inventory.map(name));
  const fresh = objects.filter(object => !object.marker && !inventoryNames.has(name(object)));
  const hashes = await knownHashes(request, fresh, buckets);
  const additions = await mapInParallel(
    fresh,
    OBJECT_PARALLELISM,
    async ({ marker: _, ...object }): Promise<DeletedObject[]> => {
      try {
        const { bucket, key, version, size } = object;
        const sha256 =
          hashes.get(name(object)) ??
          (size > MAX_HASHED_BYTES ? undefined : (await hashObject({ bucket, key, version })).sha256);
        return [{ ...object, ...(sha256 !== undefined && { sha256 }) }];
      } catch (error) {
        // Deleted since it was listed, by another sweep that has it in its inventory.
        if (await isAbsent(error, object)) return [];
        throw error;
      }
    },
  );
  return [...inventory, ...additions.flat()];
}

/** Deletes these versions. Returns the keys that are still locked; missing versions count as deleted. */
export async function deleteObjects(objects: readonly FoundObject[]): Promise<string[]> {
  const locked: string[] = [];
  for (const bucket of new Set(objects.map(object => object.bucket))) {
    const bucketObjects = objects.filter(object => object.bucket === bucket);
    for (let start = 0; start < bucketObjects.length; start += MAX_BATCH) {
      const Objects = bucketObjects
        .slice(start, start + MAX_BATCH)
        .map(({ key, version }) => ({ Key: key, VersionId: version }));
      const { Errors = [] } = await s3.send(
        new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
      );
      for (const { Code, Key, Message } of Errors) {
        if (Code !== 'AccessDenied') throw new Error(`${Key} could not be deleted: ${Code} ${Message}`);
        locked.push(Key ?? '');
      }
    }
  }
  return locked;
}

/** The most objects that S3 deletes in one call. */
const MAX_BATCH = 1000;
