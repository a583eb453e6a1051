import * as z from 'zod';
import { currentTime } from '../../clock.ts';
import { stepHandler } from '../../handler.ts';
import { Tampered } from '../../storage/immutable-objects.ts';
import { copyLimits, copyObject, copyObjectInParts } from '../../storage/object-copy.ts';
import { hashObject, isGoneObject } from '../../storage/object-read.ts';
import { mapInParallel, OBJECT_PARALLELISM } from '../../storage/parallel.ts';
import { getScratch, putScratch } from '../../storage/scratch-store.ts';
import type { StoredFiles } from '../release/released-files.ts';
import type { SealedFile } from '../request/manifest.ts';
import { IMPORTS_PREFIX, roundPrefix } from '../request/places.ts';
import { readRequest } from '../store.ts';
import { attemptFolder, RequestAttempt, SealedFiles } from './attempt.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AIRLOCK_BUCKET: z.string(),
  RELEASE_BUCKET: z.string(),
  /** What the names of all projects' buckets start with. */
  BUCKETS: z.string(),
  WORK_BUCKET: z.string(),
});
const { TABLE_NAME, AIRLOCK_BUCKET, RELEASE_BUCKET, BUCKETS, WORK_BUCKET } = env.parse(process.env);

/** The attempt is stale; the request says why. */
class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

const Input = RequestAttempt.extend({
  round: z.number().int(),
  into: z.string().nullable(),
  chunk: z.string(),
});

/** Hashes every sealed file again in its sealed version, and copies that version if the hash matches. */
export const handler = stepHandler(Input, async ({ round, into: importBucket, chunk, ...attempt }) => {
  const { project, request: id } = attempt;
  const request = await readRequest(TABLE_NAME, project, id);
  // Aborted, revoked or past the deadline: nothing more is copied.
  if (request.status !== 'releasing' || request.attempt !== attempt.attempt || currentTime() >= request.deadline)
    throw new Overtaken(`${id} is not being released in attempt ${attempt.attempt}`);
  if (importBucket !== null && !importBucket.startsWith(BUCKETS)) throw new Error(`${importBucket} is not a project's`);
  const place =
    importBucket === null
      ? { bucket: RELEASE_BUCKET, prefix: `released/${id}/files/` }
      : { bucket: importBucket, prefix: `${IMPORTS_PREFIX}${id}/` };
  const files = SealedFiles.parse(JSON.parse(await getScratch(WORK_BUCKET, chunk)));

  const release = async ({ versionId, path, size, sha256 }: SealedFile): Promise<StoredFiles[number]> => {
    const original = {
      bucket: AIRLOCK_BUCKET,
      key: `${roundPrefix({ id, round })}files/${path}`,
      version: versionId,
    };
    const key = place.prefix + path;
    const target = { bucket: place.bucket, key };
    try {
      const large = size > copyLimits.whole;
      const read = await hashObject(original, large ? copyLimits.part : undefined);
      if (read.sha256 !== sha256 || read.size !== size)
        throw new Tampered(`${original.key} was sealed as ${sha256}, but is ${read.sha256}`);
      const content = { sha256, size, etag: '' };
      const newVersion = large
        ? await copyObjectInParts(original, target, content, { part: copyLimits.part, hashes: read.parts })
        : await copyObject(original, target, content);
      return { path, size, sha256, key, versionId: newVersion };
    } catch (error) {
      if (isGoneObject(error)) throw new Tampered(`${original.key} is gone in the version that was sealed`);
      throw error;
    }
  };

  const storedFiles = await mapInParallel(files, OBJECT_PARALLELISM, release);
  return { list: await putScratch(WORK_BUCKET, attemptFolder(attempt), JSON.stringify(storedFiles)) };
});
