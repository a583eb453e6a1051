import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { currentTime, timeAfter } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { sha256 } from '../hash.ts';
import { pauseUntilScanned, readScanStatus, scanPauses } from '../storage/malware-scan.ts';
import { copyLimits } from '../storage/object-copy.ts';
import { openLargeObject, type ProvenObject, proveObject } from '../storage/object-proof.ts';
import { isGoneObject, type ObjectVersion } from '../storage/object-read.ts';
import { objectSource } from '../storage/object-source.ts';
import { mapInParallel, OBJECT_PARALLELISM } from '../storage/parallel.ts';
import { Chunk, type ChunkFile, getScratch, putScratch } from '../storage/scratch-store.ts';
import { DataContract } from './contract-schemas.ts';
import { judgeDeliveryScan, type ScanVerdict, unreadFinding, unreadRowsFinding } from './delivery-scan.ts';
import { deletedFile, differentFile } from './fault-findings.ts';
import { createFileCheck } from './file-check.ts';
import { landingPrefix } from './ingest.ts';
import type { DeliveryFinding, FileIdentifiers, FileProofs, TableShapes } from './schemas.ts';
import { DeliveryCheck, deliveryCheckFolder } from './steps.ts';
import { limitColumnNames } from './table-shape.ts';

export const env = z.object({
  LANDING_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  SCAN_MINUTES: z.coerce.number().int().min(1),
  /** A larger file is not read: a later step has S3 compute its SHA-256. */
  STREAM_BYTES: z.coerce.number().int().min(1),
  /** Whether a data steward accepted what the check cannot read. */
  IS_ACCEPTED: z.stringbool(),
});
const { LANDING_BUCKET, WORK_BUCKET, SCAN_MINUTES, STREAM_BYTES, IS_ACCEPTED } = env.parse(process.env);

/** As many files and columns are reported: a row of the table has at most 400 KB. */
const limitIdentifiers = (files: FileIdentifiers): FileIdentifiers =>
  files.slice(0, 5).map(({ path, identifiers }) => ({ path, identifiers: identifiers.slice(0, 20) }));

/** The rows of Parquet files are read for as long: a function has 900 seconds, also for the bytes of its other files. */
const PARQUET_SECONDS = 480;

const Input = DeliveryCheck.extend({
  chunk: z.string(),
  contract: z.string().nullable().default(null),
  /** When the execution started. */
  since: z.iso.datetime(),
});
type FileOfChunk = z.infer<typeof ChunkFile>;

/** An empty file is not read, and GuardDuty need not scan it. */
const emptyObject = (version: string): ProvenObject => ({
  sha256: sha256(''),
  size: 0,
  parts: [],
  version,
  head: new Uint8Array(),
  proof: 'streamed',
});

/**
 * Reads a file that the malware scan found clean. S3 itself refuses every other: the role may read only versions with that
 * tag (lib/ingest.ts), so a clean file needs no request more.
 */
async function readScanned(
  landedFile: ObjectVersion & { version: string },
  { path, size }: FileOfChunk,
  startedAt: string,
  read: () => Promise<ProvenObject>,
): Promise<ProvenObject | Exclude<ScanVerdict, 'clean'>> {
  if (size === 0) return emptyObject(landedFile.version);
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AccessDenied') throw error;
    const status = await readScanStatus(landedFile);
    const verdict = judgeDeliveryScan(path, status, { now: currentTime(), startedAt, scanMinutes: SCAN_MINUTES });
    return verdict === 'clean' ? read() : verdict;
  }
}

/** Waits a few seconds for the scan of one version, and returns whether it came. */
async function awaitScan(object: ObjectVersion, pauses: number[]): Promise<boolean> {
  for (let pause = pauses.shift(); pause !== undefined; pause = pauses.shift()) {
    await sleep(pause * 1000);
    if ((await readScanStatus(object)) !== undefined) return true;
  }
  return false;
}

/**
 * Compares the SHA-256 of every file of a chunk, in the planned version, with the manifest, and checks its content in the same
 * pass: kind, archive, data contract, direct identifiers. Returns how many seconds to wait if the malware scan of a file is
 * missing.
 */
export const handler = stepHandler(Input, async ({ chunk, contract: contractKey, since: startedAt, ...check }) => {
  const files = Chunk.parse(JSON.parse(await getScratch(WORK_BUCKET, chunk)));
  const prefix = landingPrefix(check.partner, check.delivery);
  const parts: Record<string, string[]> = {};
  const tables: TableShapes = {};
  const proofs: FileProofs = {};
  const identifiers: FileIdentifiers = [];
  const contract =
    contractKey === null ? undefined : DataContract.parse(JSON.parse(await getScratch(WORK_BUCKET, contractKey)));
  const readingEndsAt = timeAfter(currentTime(), PARQUET_SECONDS);
  const isLate = () => currentTime() > readingEndsAt;
  const placeOf = ({ path, version }: FileOfChunk) => ({ bucket: LANDING_BUCKET, key: prefix + path, version });

  const verify = async (file: FileOfChunk): Promise<DeliveryFinding[] | 'waiting'> => {
    const landedFile = placeOf(file);
    const isLarge = file.size > STREAM_BYTES;
    const part = file.size > copyLimits.whole ? copyLimits.part : undefined;
    try {
      const content = createFileCheck(file.path, file.target, contract);
      const { take: observe, readsAll } = content;
      const read = await readScanned(landedFile, file, startedAt, () =>
        isLarge ? openLargeObject(landedFile, file) : proveObject(landedFile, { observe, readsAll, part }),
      );
      if (read === 'waiting') return read;
      if ('reason' in read) return [read];
      if (read.size !== file.size) throw new Error(`${landedFile.key} ended after ${read.size} of ${file.size} bytes`);
      if (part !== undefined && !isLarge) parts[file.path] = read.parts;
      if (read.sha256 !== file.sha256) return [differentFile(file.path, read.sha256, file.sha256)];
      if (file.target !== undefined) proofs[file.target] = read.proof;
      const isUnread = isLarge && readsAll(read.head);
      const result = await content.end(read.head, objectSource(landedFile, file.size), !isLarge, isLate);
      if (isUnread && !IS_ACCEPTED) result.findings.push(unreadFinding(file.path, STREAM_BYTES));
      if (result.unread !== undefined && !IS_ACCEPTED)
        result.findings.push(unreadRowsFinding(file.path, result.unread));
      if (result.shape && file.target !== undefined) tables[file.target] = result.shape;
      if (result.identifiers.length > 0) identifiers.push({ path: file.path, identifiers: result.identifiers });
      return result.findings;
    } catch (error) {
      if (!isGoneObject(error)) throw error;
      return [deletedFile(file.path)];
    }
  };

  const findings: DeliveryFinding[] = [];
  const pauses: number[] = [...scanPauses];
  for (let waitingFiles = files; waitingFiles.length > 0; ) {
    const remainder: FileOfChunk[] = [];
    // Once one file waits, the others are not tried: most of them would wait too.
    const results = await mapInParallel(waitingFiles, OBJECT_PARALLELISM, async file => {
      const result = remainder.length > 0 ? 'waiting' : await verify(file);
      if (result === 'waiting') remainder.push(file);
      return result === 'waiting' ? [] : result;
    });
    findings.push(...results.flat());
    const [first] = remainder;
    if (first && !(await awaitScan(placeOf(first), pauses)))
      return { waiting: pauseUntilScanned({ now: currentTime(), startedAt, scanMinutes: SCAN_MINUTES }), chunk };
    waitingFiles = remainder;
  }
  const text = (content: unknown) => putScratch(WORK_BUCKET, deliveryCheckFolder(check), JSON.stringify(content));
  return {
    chunk,
    found: findings.length,
    findings: findings.length > 0 ? await text(findings) : null,
    parts: Object.keys(parts).length > 0 ? await text(parts) : null,
    identifiers: identifiers.length > 0 ? await text(limitIdentifiers(identifiers)) : null,
    tables: Object.keys(tables).length > 0 ? await text(limitColumnNames(tables)) : null,
    proofs: Object.keys(proofs).length > 0 ? await text(proofs) : null,
  };
});
