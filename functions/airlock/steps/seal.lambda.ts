import * as z from 'zod';
import { sniffMediaType } from '../../../disclosure/sniff.ts';
import { stepHandler } from '../../handler.ts';
import { copyLimits, copyObject, copyObjectInParts } from '../../storage/object-copy.ts';
import { hashObject, isGoneObject } from '../../storage/object-read.ts';
import { mapInParallel, OBJECT_PARALLELISM } from '../../storage/parallel.ts';
import { pathFinding } from '../../storage/paths.ts';
import { getScratch, putScratch } from '../../storage/scratch-store.ts';
import type { SealedFile } from '../request/manifest.ts';
import { roundPrefix } from '../request/places.ts';
import { rejections } from '../request/rejections.ts';
import { Source, Uploads } from '../request/request.ts';
import { attemptFolder, PlannedFile, RequestAttempt } from './attempt.ts';

export const env = z.object({
  BUCKETS: z.string(),
  UPLOADS_BUCKET: z.string(),
  AIRLOCK_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
});
const { AIRLOCK_BUCKET, WORK_BUCKET } = env.parse(process.env);

const Input = RequestAttempt.extend({
  bucket: z.string(),
  source: z.union([Source, Uploads]),
  round: z.number().int(),
  chunk: z.string(),
});

/** Hashes every file of a chunk in its planned version, and copies that version into the locked bucket. */
export const handler = stepHandler(Input, async ({ bucket, source, round, chunk, ...attempt }) => {
  const files = z.array(PlannedFile).parse(JSON.parse(await getScratch(WORK_BUCKET, chunk)));
  const prefix = `${roundPrefix({ id: attempt.request, round })}files/`;

  const seal = async ({ path, version, size, etag, kind, group }: PlannedFile) => {
    const original = { bucket, key: source + path, version };
    const target = { bucket: AIRLOCK_BUCKET, key: prefix + path };
    const large = size > copyLimits.whole;
    try {
      const read = await hashObject(original, large ? copyLimits.part : undefined);
      if (read.size !== size) throw new Error(`${original.key} ended after ${read.size} of ${size} bytes`);
      const content = { sha256: read.sha256, size, etag };
      const versionId = large
        ? await copyObjectInParts(original, target, content, { part: copyLimits.part, hashes: read.parts })
        : await copyObject(original, target, content);
      const sealedFile: SealedFile = {
        path,
        size,
        sha256: read.sha256,
        versionId,
        kind,
        type: sniffMediaType(read.head, path),
        group,
      };
      return sealedFile;
    } catch (error) {
      if (!isGoneObject(error)) throw error;
      return pathFinding(path, rejections.deleted);
    }
  };

  const results = await mapInParallel(files, OBJECT_PARALLELISM, seal);
  const sealedFiles = results.flatMap(result => ('sha256' in result ? [result] : []));
  const findings = results.flatMap(result => ('reason' in result ? [result] : []));
  const text = (value: unknown) => putScratch(WORK_BUCKET, attemptFolder(attempt), JSON.stringify(value));
  return { sealed: await text(sealedFiles), findings: findings.length > 0 ? await text(findings) : null };
});
