import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import type { Finding } from '../identifiers.ts';
import { copyLimits } from '../storage/object-copy.ts';
import { hashObject, isGoneObject } from '../storage/object-read.ts';
import { objectSource } from '../storage/object-source.ts';
import { mapInParallel, OBJECT_PARALLELISM } from '../storage/parallel.ts';
import { pathFinding } from '../storage/paths.ts';
import { Chunk, type ChunkFile, getScratch, putScratch } from '../storage/scratch-store.ts';
import { landingPrefix } from './ingest.ts';
import type { TableShapes } from './schemas.ts';
import { DeliveryCheck, deliveryCheckFolder } from './steps.ts';
import { createRowCounter, isParquet, limitColumnNames, readParquetShape } from './table-shape.ts';

export const env = z.object({ LANDING_BUCKET: z.string(), WORK_BUCKET: z.string() });
const { LANDING_BUCKET, WORK_BUCKET } = env.parse(process.env);

/** Computes the SHA-256 of every file of a chunk, in the planned version, and counts the columns and rows of tables. */
export const handler = stepHandler(DeliveryCheck.extend({ chunk: z.string() }), async ({ chunk, ...check }) => {
  const files = Chunk.parse(JSON.parse(await getScratch(WORK_BUCKET, chunk)));
  const prefix = landingPrefix(check.partner, check.delivery);
  const parts: Record<string, string[]> = {};
  const tables: TableShapes = {};

  const verify = async (file: z.infer<typeof ChunkFile>): Promise<Finding[]> => {
    const large = file.size > copyLimits.whole;
    try {
      const key = prefix + file.path;
      const landedFile = { bucket: LANDING_BUCKET, key, version: file.version };
      const counter = createRowCounter(file.path);
      const read = await hashObject(landedFile, large ? copyLimits.part : undefined, bytes => counter?.take(bytes));
      if (read.size !== file.size) throw new Error(`${key} ended after ${read.size} of ${file.size} bytes`);
      if (large) parts[file.path] = read.parts;
      if (read.sha256 === file.sha256) {
        const shape = isParquet(file.path)
          ? await readParquetShape(objectSource(landedFile, file.size))
          : counter?.shape();
        if (shape && file.target !== undefined) tables[file.target] = shape;
        return [];
      }
      return [
        pathFinding(
          file.path,
          `The SHA-256 is ${read.sha256}, but the manifest says ${file.sha256}. Upload the right file, or correct the manifest. Then upload the manifest again.`,
        ),
      ];
    } catch (error) {
      if (!isGoneObject(error)) throw error;
      return [
        pathFinding(file.path, 'This file was deleted during the check. Upload it, then upload the manifest again.'),
      ];
    }
  };

  const findings = (await mapInParallel(files, OBJECT_PARALLELISM, verify)).flat();
  const text = (content: unknown) => putScratch(WORK_BUCKET, deliveryCheckFolder(check), JSON.stringify(content));
  return {
    chunk,
    found: findings.length,
    findings: findings.length > 0 ? await text(findings) : null,
    parts: Object.keys(parts).length > 0 ? await text(parts) : null,
    tables: Object.keys(tables).length > 0 ? await text(limitColumnNames(tables)) : null,
  };
});
