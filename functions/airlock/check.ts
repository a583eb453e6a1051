import { Readable } from 'node:stream';
import * as z from 'zod';
import { now } from '../clock.ts';
import { step } from '../handler.ts';
import { sha256 } from '../ingest/hash.ts';
import { streamOf } from '../ingest/landing.ts';
import { parallel } from '../ingest/parallel.ts';
import { take } from '../ingest/work.ts';
import { checkFile } from './checks/check-file.ts';
import { roundPrefix } from './gather.ts';
import { judgeScan, pauseUntilScanned, unopened } from './malware.ts';
import { keep } from './objects.ts';
import { Policy } from './policy.ts';
import { remembered } from './remembered.ts';
import { scansOf } from './scan.ts';
import type { SealedFile } from './sealed.ts';
import { Attempt, Sealed } from './steps.ts';
import { readRequest } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AIRLOCK_BUCKET: z.string(),
  RELEASE_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  SCAN_MINUTES: z.coerce.number().int().min(1),
});
const { TABLE_NAME, AIRLOCK_BUCKET, RELEASE_BUCKET, WORK_BUCKET, SCAN_MINUTES } = env.parse(process.env);

const Input = Attempt.extend({ round: z.number().int(), policy: Policy, sealed: z.string() });

/** Two at a time: checks compute, and a large file must leave room for another's. */
const width = 2;

/**
 * Checks every file of a chunk, as it was sealed, once all of them are scanned for malware or it is too late for that. Until
 * then it answers in how many seconds to ask again. What is not clean is opened by no check.
 */
export const handler = step(Input, async ({ project, request, attempt, round, policy, sealed }) => {
  const of = await readRequest(TABLE_NAME, project, request);
  // Withdrawn meanwhile: there is nothing to wait for.
  if (of.status !== 'checking' || of.attempt !== attempt || !of.seal) return null;
  const files = Sealed.parse(JSON.parse(await take(WORK_BUCKET, sealed)));
  const prefix = roundPrefix({ id: request, round });
  const versionOf = ({ path, versionId }: SealedFile) => ({
    bucket: AIRLOCK_BUCKET,
    key: `${prefix}files/${path}`,
    version: versionId,
  });
  // Nothing can be in an empty file, nor need GuardDuty look at it.
  const scanned = files.filter(({ size }) => size > 0);
  const statuses = await scansOf(scanned.map(versionOf));
  const limits = { now: now(), sealedAt: of.seal.sealedAt, scanMinutes: SCAN_MINUTES };
  const verdicts = new Map(scanned.map((file, index) => [file, judgeScan(statuses[index], limits)]));
  if ([...verdicts.values()].includes('waiting')) return { waiting: pauseUntilScanned(limits), sealed };
  const released = await remembered(RELEASE_BUCKET, project);
  const reports = await parallel(files, width, async sealedFile => {
    const { versionId: _, ...file } = sealedFile;
    const verdict = verdicts.get(sealedFile) ?? 'clean';
    if (typeof verdict === 'object') return unopened(file, verdict, policy.version);
    const open = () => (file.size === 0 ? Readable.from([]) : streamOf(versionOf(sealedFile)));
    const report = await checkFile(file, open, policy, released);
    return { ...report, ran: ['malware', ...report.ran] };
  });
  return keep(AIRLOCK_BUCKET, `${prefix}checks/${sha256(sealed).slice(0, 16)}.json`, JSON.stringify(reports));
});
