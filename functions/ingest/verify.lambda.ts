import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import type { Finding } from '../identifiers.ts';
import { copyLimits } from '../storage/object-copy.ts';
import { hashObject, isGoneObject } from '../storage/object-read.ts';
import { objectSource } from '../storage/object-source.ts';
import { mapInParallel, OBJECT_PARALLELISM } from '../storage/parallel.ts';
import { pathFinding } from '../storage/paths.ts';
import { Chunk, type ChunkFile, getScratch, putScratch } from '../storage/scratch-store.ts';
import { DataContract } from './contract-schemas.ts';
import { createFileCheck } from './file-check.ts';
import { landingPrefix } from './ingest.ts';
import type { FileIdentifiers, TableShapes } from './schemas.ts';
import { DeliveryCheck, deliveryCheckFolder } from './steps.ts';
import { limitColumnNames } from './table-shape.ts';

export const env = z.object({ LANDING_BUCKET: z.string(), WORK_BUCKET: z.string() });
const { LANDING_BUCKET, WORK_BUCKET } = env.parse(process.env);

/** As many files and columns are reported: a row of the table has at most 400 KB. */
const limitIdentifiers = (files: FileIdentifiers): FileIdentifiers =>
  files.slice(0, 5).map(({ path, identifiers }) => ({ path, identifiers: identifiers.slice(0, 20) }));

const Input = DeliveryCheck.extend({ chunk: z.string(), contract: z.string().nullable().default(null) });

/**
 * Computes the SHA-256 of every file of a chunk, in the planned version, and checks its content in the same pass: kind,
 * archive, data contract, direct identifiers.
 */
export const handler = stepHandler(Input, async ({ chunk, contract: contractKey, ...check }) => {
  const files = Chunk.parse(JSON.parse(await getScratch(WORK_BUCKET, chunk)));
  const prefix = landingPrefix(check.partner, check.delivery);
  const parts: Record<string, string[]> = {};
  const tables: TableShapes = {};
  const identifiers: FileIdentifiers = [];
  const contract =
    contractKey === null ? undefined : DataContract.parse(JSON.parse(await getScratch(WORK_BUCKET, contractKey)));

  const verify = async (file: z.infer<typeof ChunkFile>): Promise<Finding[]> => {
    const large = file.size > copyLimits.whole;
    try {
      const key = prefix + file.path;
      const landedFile = { bucket: LANDING_BUCKET, key, version: file.version };
      const content = createFileCheck(file.path, file.target, contract);
      const read = await hashObject(landedFile, large ? copyLimits.part : undefined, bytes => content.take(bytes));
      if (read.size !== file.size) throw new Error(`${key} ended after ${read.size} of ${file.size} bytes`);
      if (large) parts[file.path] = read.parts;
      if (read.sha256 === file.sha256) {
        const result = await content.end(read.head, objectSource(landedFile, file.size));
        if (result.shape && file.target !== undefined) tables[file.target] = result.shape;
        if (result.identifiers.length > 0) identifiers.push({ path: file.path, identifiers: result.identifiers });
        return result.findings;
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
    identifiers: identifiers.length > 0 ? await text(limitIdentifiers(identifiers)) : null,
    tables: Object.keys(tables).length > 0 ? await text(limitColumnNames(tables)) : null,
  };
});
