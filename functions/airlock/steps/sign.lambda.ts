import * as z from 'zod';
import { currentTime } from '../../clock.ts';
import { stepHandler } from '../../handler.ts';
import { putImmutable, readVerified } from '../../storage/immutable-objects.ts';
import { getScratch } from '../../storage/scratch-store.ts';
import { decideRequest } from '../airlock.ts';
import { loadProjectContext } from '../project-settings.ts';
import { grantDownload } from '../release/download.ts';
import { rememberKey } from '../release/key.ts';
import { recordOf } from '../release/record.ts';
import { releasedFilesKey, StoredFiles } from '../release/released-files.ts';
import { sign } from '../release/sign.ts';
import { daysAvailable, parseAirlockConfig } from '../request/airlock-config.ts';
import { addSeconds, day } from '../request/request.ts';
import { changeRequest, readRequest } from '../store.ts';
import { RequestAttempt } from './attempt.ts';
import { recordReleasedTables } from './release-comparison.ts';
import { appendToLedger } from './release-ledger.ts';
import { FullReport } from './request-report.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AIRLOCK_BUCKET: z.string(),
  RELEASE_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  SIGNING_KEY: z.string(),
  RULES: z.string(),
});
// Larger than 450 KB: the clients of S3, DynamoDB, KMS and EventBridge.
const { TABLE_NAME, AIRLOCK_BUCKET, RELEASE_BUCKET, WORK_BUCKET, SIGNING_KEY, RULES } = env.parse(process.env);
const base = parseAirlockConfig(RULES);

/** The source folder of a request for the outputs of a batch job. */
const JobOutputsFolder = /^batch\/(job-[0-9a-f]{16})\/outputs\//;

/** Signs the record of the copied files. Only then is the request released and can be downloaded. */
export const handler = stepHandler(
  RequestAttempt.extend({ copied: z.array(z.object({ list: z.string() })), releases: z.number().int() }),
  async ({ copied: chunks, releases, ...input }) => {
    const { project, request: id, attempt } = input;
    const now = currentTime();
    const read = await readRequest(TABLE_NAME, project, id);
    // A retry after a lost answer.
    if (read.status === 'released' && read.attempt === attempt) return { outcome: 'released' };
    if (read.status !== 'releasing' || read.attempt !== attempt) return { outcome: 'superseded' };
    const facts = await loadProjectContext(TABLE_NAME, project, base);
    const { rules } = facts;
    const files = [];
    for (const { list: listKey } of chunks)
      files.push(...StoredFiles.parse(JSON.parse(await getScratch(WORK_BUCKET, listKey))));
    const { policy, tables } = FullReport.parse(await readVerified(AIRLOCK_BUCKET, read.report));
    // Recorded before the release, so that no later release is missing the comparison with it.
    const lists = await recordReleasedTables({ airlock: AIRLOCK_BUCKET, release: RELEASE_BUCKET }, read, tables);
    if (lists.length > 0 && !(await appendToLedger(TABLE_NAME, project, { request: id, lists }, releases)))
      return { outcome: 'overtaken' };
    const { seal, votes, requester, direction } = read;
    const recipient = read.recipient?.id ?? requester;
    const run = JobOutputsFolder.exec(read.source)?.[1];
    const record = recordOf({
      request: id,
      round: read.round,
      direction,
      project,
      seal: { sha256: seal.sha256, files: seal.files, bytes: seal.bytes, sealedAt: seal.sealedAt },
      files: files.map(({ path, size, sha256 }) => ({ path, size, sha256 })),
      requester,
      reviewers: votes
        .filter(({ verdict }) => verdict === 'approve')
        .map(({ by: voter, at: votedAt, extent }) => ({ id: voter, at: votedAt, ...(extent && { extent }) })),
      checks: read.report.sha256,
      policy,
      approvedAt: read.approvedAt,
      releasedAt: now,
      expires: addSeconds(now, daysAvailable(direction, rules) * day),
      recipient,
      ...(run !== undefined && { run }),
      keyId: SIGNING_KEY,
    });
    const fileList = await putImmutable(RELEASE_BUCKET, releasedFilesKey(id), JSON.stringify(files));
    const signedRelease = await sign(record);
    await rememberKey(TABLE_NAME, SIGNING_KEY, signedRelease.publicKey);
    const recordRef = await putImmutable(RELEASE_BUCKET, `released/${id}/release.json`, JSON.stringify(signedRelease));
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const { expires } = record;
    const grant = { project, request: id, seal: seal.sha256, recipient, requester, expires, uses: rules.uses };
    if (direction === 'export') await grantDownload(TABLE_NAME, grant);
    const release = { ...recordRef, files: files.length, bytes, fileList };
    // Read again, because the approval may have expired since this step began.
    const releaseTime = currentTime();
    const decision = await changeRequest(TABLE_NAME, { project, id, at: releaseTime }, current =>
      decideRequest(current, { do: 'recordRelease', attempt, release }, releaseTime, facts),
    );
    return { outcome: decision.superseded ? 'superseded' : 'released' };
  },
);
