import * as z from 'zod';
import { check } from '../../../disclosure/check.ts';
import { Policy } from '../../../disclosure/policy.ts';
import { buildCellIndex, encodeCellIndex, type TableSummary } from '../../../disclosure/sdc/cell-index.ts';
import { currentTime } from '../../clock.ts';
import { stepHandler } from '../../handler.ts';
import { sha256 } from '../../hash.ts';
import type { ObjectRef } from '../../identifiers.ts';
import { putImmutable } from '../../storage/immutable-objects.ts';
import { pauseUntilScanned, scanDeadline } from '../../storage/malware-scan.ts';
import { objectSource } from '../../storage/object-source.ts';
import { mapInParallel } from '../../storage/parallel.ts';
import { getScratch } from '../../storage/scratch-store.ts';
import type { SealedFile } from '../request/manifest.ts';
import { roundPrefix } from '../request/places.ts';
import { readRequest } from '../store.ts';
import { RequestAttempt, SealedFiles } from './attempt.ts';
import { judgeScan, unscannedFinding } from './malware.ts';
import { addOriginalFile } from './original-file.ts';
import { addPartialPreview } from './partial-preview.ts';
import { MAX_POSTINGS, putPostings, readLedger } from './release-ledger.ts';
import { readScanTags } from './scan.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AIRLOCK_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  SCAN_MINUTES: z.coerce.number().int().min(1),
});
const { TABLE_NAME, AIRLOCK_BUCKET, WORK_BUCKET, SCAN_MINUTES } = env.parse(process.env);

const Input = RequestAttempt.extend({ round: z.number().int(), policy: Policy, sealed: z.string() });

/** Two at a time: checks need much computation and memory. */
const width = 2;

/**
 * Checks the sealed files of a chunk once all are scanned for malware, or the scan is overdue. Until then it returns how
 * many seconds to wait. No check opens a file that is not clean.
 */
export const handler = stepHandler(Input, async ({ project, request: id, attempt, round, policy, sealed: chunk }) => {
  const request = await readRequest(TABLE_NAME, project, id);
  // The request was withdrawn or the attempt is stale.
  if (request.status !== 'checking' || request.attempt !== attempt) return null;
  const files = SealedFiles.parse(JSON.parse(await getScratch(WORK_BUCKET, chunk)));
  const prefix = roundPrefix({ id, round });
  const versionOf = ({ path, versionId }: SealedFile) => ({
    bucket: AIRLOCK_BUCKET,
    key: `${prefix}files/${path}`,
    version: versionId,
  });
  // Empty files need no scan.
  const nonemptyFiles = files.filter(({ size }) => size > 0);
  const period = { startedAt: request.seal.sealedAt, scanMinutes: SCAN_MINUTES };
  const limits = { now: currentTime(), ...period };
  const statuses = await readScanTags(nonemptyFiles.map(versionOf), limits.now >= scanDeadline(period));
  const verdicts = new Map(nonemptyFiles.map((file, index) => [file, judgeScan(statuses[index], limits)]));
  if ([...verdicts.values()].includes('waiting')) return { waiting: pauseUntilScanned(limits), sealed: chunk };
  const { secret } = await readLedger(TABLE_NAME, project);
  const name = sha256(chunk).slice(0, 16);
  // Tables for the comparison of the whole request. Written in lists of limited size, so that memory is bounded.
  const tables: ObjectRef[] = [];
  let [batch, counts]: [TableSummary[], number] = [[], 0];
  const flush = async () => {
    const [list, number] = [batch, tables.length];
    [batch, counts] = [[], 0];
    if (list.length > 0)
      tables.push(
        await putPostings(AIRLOCK_BUCKET, `${prefix}tables/${name}-${number}`, encodeCellIndex(buildCellIndex(list))),
      );
  };
  const reports = await mapInParallel(files, width, async sealedFile => {
    const { versionId: _, ...file } = sealedFile;
    const verdict = verdicts.get(sealedFile) ?? 'clean';
    if (typeof verdict === 'object') return unscannedFinding(file, verdict, policy.version);
    const source = objectSource(versionOf(sealedFile), file.size);
    const { report, summaries } = await check(file, source, policy, secret);
    // Imports are not compared with releases.
    if (request.direction === 'import') return { ...report, ran: ['malware', ...report.ran] };
    batch.push(...summaries);
    counts += summaries.reduce((sum, { counts }) => sum + counts.keys.length, 0);
    if (counts > MAX_POSTINGS) await flush();
    return { ...report, ran: ['malware', ...report.ran] };
  });
  await flush();
  // One at a time, because a page may hold a large file in memory.
  const sealedFiles = new Map(files.map(file => [file.path, file]));
  const finalReports = await mapInParallel(reports, 1, async report => {
    const file = sealedFiles.get(report.path);
    if (!file) throw new Error(`${report.path} is not in the seal`);
    const source = objectSource(versionOf(file), file.size);
    return addPartialPreview(file, addOriginalFile(file, report, request.direction), source, request.direction);
  });
  const reportRef = await putImmutable(AIRLOCK_BUCKET, `${prefix}checks/${name}.json`, JSON.stringify(finalReports));
  return { ...reportRef, tables };
});
