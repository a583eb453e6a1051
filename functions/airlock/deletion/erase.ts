import { DeleteObjectsCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { readVerified } from '../../storage/immutable-objects.ts';
import { hashVersion, isGone, readVersionOf } from '../../storage/object-read.ts';
import { OBJECT_PARALLELISM, parallel } from '../../storage/parallel.ts';
import { s3 } from '../../storage/s3.ts';
import { StoredFiles } from '../release/released-files.ts';
import { SealManifest } from '../request/manifest.ts';
import type { RequestIn } from '../request/request.ts';
import type { ObjectPlace } from '../request/retention.ts';

/** One version of an object that is to be deleted, or was. */
export const DeletedObject = z.object({
  bucket: z.string(),
  key: z.string(),
  version: z.string(),
  size: z.number().int(),
  /** Left out only where it never was sealed and is too large to be read for this. */
  sha256: z.string().optional(),
});
export type DeletedObject = z.infer<typeof DeletedObject>;

/** A version, or a delete marker, as it lies there. */
export interface FoundObject extends Omit<DeletedObject, 'sha256'> {
  readonly marker: boolean;
}
export type PlaceBuckets = Readonly<Partial<Record<ObjectPlace['bucket'], string>> & { released: string }>;

export function bucketOf(name: ObjectPlace['bucket'], buckets: PlaceBuckets): string {
  const bucket = buckets[name];
  if (bucket === undefined) throw new Error(`no bucket is given for ${name}`);
  return bucket;
}

/** Every version there is of everything in these places. */
export async function findObjects(places: readonly ObjectPlace[], buckets: PlaceBuckets): Promise<FoundObject[]> {
  const all: FoundObject[] = [];
  for (const { bucket: name, prefix } of places) {
    const bucket = bucketOf(name, buckets);
    for (let at: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {}; at; ) {
      // URL encoding, as XML has no way to write some characters that a key may have.
      const page: Awaited<ReturnType<typeof versions>> = await versions(bucket, prefix, at);
      const decode = (key = '') => (page.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key);
      for (const { Key, VersionId = 'null', Size = 0 } of page.Versions ?? [])
        all.push({ bucket, key: decode(Key), version: VersionId, size: Size, marker: false });
      for (const { Key, VersionId = 'null' } of page.DeleteMarkers ?? [])
        all.push({ bucket, key: decode(Key), version: VersionId, size: 0, marker: true });
      at = page.IsTruncated
        ? {
            ...(page.NextKeyMarker !== undefined && { KeyMarker: decode(page.NextKeyMarker) }),
            ...(page.NextVersionIdMarker !== undefined && { VersionIdMarker: page.NextVersionIdMarker }),
          }
        : undefined;
    }
  }
  return all;
}

const versions = (Bucket: string, Prefix: string, at: { KeyMarker?: string; VersionIdMarker?: string }) =>
  s3.send(new ListObjectVersionsCommand({ Bucket, Prefix, EncodingType: 'url', ...at }));

const name = ({ bucket, key, version }: Pick<DeletedObject, 'bucket' | 'key' | 'version'>) =>
  `${bucket} ${version} ${key}`;

/** More than this is not read only to name its hash. */
const mostRead = 4 * 1024 ** 3;

type Ended = RequestIn<'rejected' | 'withdrawn' | 'revoked' | 'expired'>;

/** The hashes that seals and the release have of these versions: most need not be read. */
async function known(
  request: Ended,
  found: readonly FoundObject[],
  buckets: PlaceBuckets,
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const { bucket, key, version, marker } of found) {
    const round = /^requests\/[^/]+\/\d+\//.exec(key)?.[0];
    if (marker || round === undefined || key !== `${round}manifest.json`) continue;
    for (const { path, versionId, sha256 } of filesOf(await readVersionOf({ bucket, key, version })))
      hashes.set(name({ bucket, key: `${round}files/${path}`, version: versionId }), sha256);
  }
  // Long after its lock the list is gone as well: then what it named is read itself.
  const held =
    'release' in request && request.release
      ? await readVerified(buckets.released, request.release.held).catch((error: unknown) => {
          if (isGone(error)) return [];
          throw error;
        })
      : [];
  for (const { key, versionId, sha256 } of StoredFiles.parse(held))
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

/** What a manifest names; nothing where somebody put something else in its place. */
function filesOf(manifest: Uint8Array): SealManifest['files'] {
  try {
    return SealManifest.parse(JSON.parse(Buffer.from(manifest).toString('utf8'))).files;
  } catch {
    return [];
  }
}

/** What was listed before and what has come since, each version with its hash. */
export async function writeInventory(
  request: Ended,
  before: readonly DeletedObject[],
  found: readonly FoundObject[],
  buckets: PlaceBuckets,
): Promise<DeletedObject[]> {
  const listed = new Set(before.map(name));
  const fresh = found.filter(one => !one.marker && !listed.has(name(one)));
  const hashes = await known(request, fresh, buckets);
  const made = await parallel(fresh, OBJECT_PARALLELISM, async ({ marker: _, ...one }): Promise<DeletedObject[]> => {
    try {
      const { bucket, key, version, size } = one;
      const sha256 =
        hashes.get(name(one)) ?? (size > mostRead ? undefined : (await hashVersion({ bucket, key, version })).sha256);
      return [{ ...one, ...(sha256 !== undefined && { sha256 }) }];
    } catch (error) {
      // Gone since it was listed: another sweep is at work, and has it on its list.
      if (isGone(error)) return [];
      throw error;
    }
  });
  return [...before, ...made.flat()];
}

/** Deletes these versions. Gives those that S3 still keeps locked; what is gone already is as good as deleted. */
export async function deleteObjects(found: readonly FoundObject[]): Promise<string[]> {
  const locked: string[] = [];
  for (const bucket of new Set(found.map(one => one.bucket))) {
    const all = found.filter(one => one.bucket === bucket);
    for (let from = 0; from < all.length; from += most) {
      const Objects = all.slice(from, from + most).map(({ key, version }) => ({ Key: key, VersionId: version }));
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

/** So many does S3 take in one call. */
const most = 1000;
