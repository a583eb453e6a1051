import * as z from 'zod';
import { isRewritable, MAX_REWRITTEN_BYTES, rewriteFile } from '../../../disclosure/rewrite.ts';
import { sniffMediaType } from '../../../disclosure/sniff.ts';
import { stepHandler } from '../../handler.ts';
import { sha256 } from '../../hash.ts';
import { copyLimits, copyObject, copyObjectInParts, putObjectContent } from '../../storage/object-copy.ts';
import { hashObject, isGoneObject, type ObjectVersion, readObject } from '../../storage/object-read.ts';
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
// Larger than 450 KB: it reads files of every format.
const { AIRLOCK_BUCKET, WORK_BUCKET, UPLOADS_BUCKET } = env.parse(process.env);

const Input = RequestAttempt.extend({
  bucket: z.string(),
  source: z.union([Source, Uploads]),
  round: z.number().int(),
  chunk: z.string(),
});

/** Of a chunk, so many bytes are written again: files of more leave the step no time. */
const MAX_CHUNK_BYTES = 512 * 1024 ** 2;

/** The files of a chunk that may be written again. A repeated step chooses the same ones. */
function chooseRewritable(files: readonly PlannedFile[]): ReadonlySet<PlannedFile> {
  let bytes = 0;
  return new Set(
    files.filter(({ size }) => {
      if (size === 0 || size > MAX_REWRITTEN_BYTES || bytes + size > MAX_CHUNK_BYTES) return false;
      bytes += size;
      return true;
    }),
  );
}

let turn: Promise<unknown> = Promise.resolve();
/** Reads a file and writes it again. One at a time, because a file that is unpacked can need much memory. */
function rewriteInTurn(path: string, object: ObjectVersion): Promise<Uint8Array | undefined> {
  const result = turn.then(async () => rewriteFile(path, await readObject(object)));
  turn = result.catch(() => undefined);
  return result;
}

/**
 * Hashes every file of a chunk in its planned version, and copies that version into the locked bucket. Of an export, a file
 * that can be is written again from what reviewers are shown of it, and that is what everybody refers to from here on.
 */
export const handler = stepHandler(Input, async ({ bucket, source, round, chunk, ...attempt }) => {
  const files = z.array(PlannedFile).parse(JSON.parse(await getScratch(WORK_BUCKET, chunk)));
  const prefix = `${roundPrefix({ id: attempt.request, round })}files/`;
  const rewritable = bucket === UPLOADS_BUCKET ? new Set<PlannedFile>() : chooseRewritable(files);

  const seal = async (file: PlannedFile) => {
    const { path, version, size, etag, kind, group } = file;
    const original = { bucket, key: source + path, version };
    const target = { bucket: AIRLOCK_BUCKET, key: prefix + path };
    const large = size > copyLimits.whole;
    try {
      const read = await hashObject(original, large ? copyLimits.part : undefined);
      if (read.size !== size) throw new Error(`${original.key} ended after ${read.size} of ${size} bytes`);
      const described = { path, kind, group, type: sniffMediaType(read.head, path) };
      const rewritten =
        rewritable.has(file) && isRewritable(described.type) ? await rewriteInTurn(path, original) : undefined;
      if (rewritten) {
        const content = { sha256: sha256(rewritten), size: rewritten.length };
        const versionId = await putObjectContent(target, rewritten, content);
        return { ...described, ...content, original: { sha256: read.sha256, size }, versionId } satisfies SealedFile;
      }
      const content = { sha256: read.sha256, size, etag };
      const versionId = large
        ? await copyObjectInParts(original, target, content, { part: copyLimits.part, hashes: read.parts })
        : await copyObject(original, target, content);
      return { ...described, size, sha256: read.sha256, versionId } satisfies SealedFile;
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
