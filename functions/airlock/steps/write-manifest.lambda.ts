import * as z from 'zod';
import { Policy } from '../../../disclosure/policy.ts';
import { currentTime } from '../../clock.ts';
import { stepHandler } from '../../handler.ts';
import { putImmutable } from '../../storage/immutable-objects.ts';
import { FindingList, getScratch } from '../../storage/scratch-store.ts';
import { decideRequest } from '../airlock.ts';
import { loadProjectContext } from '../project-settings.ts';
import { parseAirlockConfig } from '../request/airlock-config.ts';
import type { SealManifest } from '../request/manifest.ts';
import { roundPrefix } from '../request/places.ts';
import { isUnderWay } from '../request/request.ts';
import { changeRequest, readRequest } from '../store.ts';
import { RequestAttempt, SealedFiles } from './attempt.ts';
import { deliverFullReport, projectBucket } from './full-report-page.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AIRLOCK_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  /** What the names of all projects' buckets start with. */
  BUCKETS: z.string(),
  RULES: z.string(),
});
// Larger than 450 KB: the clients of S3 and DynamoDB.
const { TABLE_NAME, AIRLOCK_BUCKET, WORK_BUCKET, BUCKETS, RULES } = env.parse(process.env);
const base = parseAirlockConfig(RULES);

const Input = RequestAttempt.extend({
  policy: Policy,
  settingsBy: z.string().optional(),
  chunks: z.array(z.object({ sealed: z.string(), findings: z.string().nullable() })),
});

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Writes the manifest of all sealed files under Object Lock. Its SHA-256 is the seal. */
export const handler = stepHandler(Input, async ({ project, request: id, attempt, policy, settingsBy, chunks }) => {
  const now = currentTime();
  const request = await readRequest(TABLE_NAME, project, id);
  // A retry after a lost answer.
  if (request.status === 'draft' && request.attempt === attempt) return { outcome: 'rejected' };
  if (!isUnderWay(request) || request.attempt !== attempt) return { outcome: 'superseded' };
  // A retry after a lost answer keeps the first seal.
  const previousSeal = request.status === 'checking' ? request.seal : undefined;
  const findings = [];
  for (const { findings: key } of chunks)
    if (key) findings.push(...FindingList.parse(JSON.parse(await getScratch(WORK_BUCKET, key))));
  if (findings.length > 0)
    await deliverFullReport(await projectBucket(TABLE_NAME, BUCKETS, project), request, [], findings);
  const files = [];
  for (const { sealed: key } of chunks)
    files.push(...SealedFiles.parse(JSON.parse(await getScratch(WORK_BUCKET, key))));
  const manifest: SealManifest = {
    v: 1,
    request: id,
    round: request.round,
    project,
    requester: request.requester,
    recipient: request.recipient?.id ?? request.requester,
    policy,
    groups: request.groups,
    files: files.sort((a, b) => compare(a.path, b.path)),
    sealedAt: request.startedAt,
  };
  const rewritten = files.filter(({ original }) => original !== undefined).length;
  const command =
    findings.length > 0
      ? ({ do: 'rejectSubmission', attempt, findings } as const)
      : ({
          do: 'recordSeal',
          attempt,
          settingsBy,
          seal: {
            ...(previousSeal ??
              (await putImmutable(AIRLOCK_BUCKET, `${roundPrefix(request)}manifest.json`, JSON.stringify(manifest)))),
            files: files.length,
            bytes: files.reduce((sum, { size }) => sum + size, 0),
            ...(rewritten > 0 && { rewritten }),
            // The time limit of the malware scan starts here, because sealing can take long.
            sealedAt: previousSeal?.sealedAt ?? now,
          },
        } as const);
  const facts = await loadProjectContext(TABLE_NAME, project, base);
  const decision = await changeRequest(TABLE_NAME, { project, id, at: now }, read =>
    decideRequest(read, command, now, facts),
  );
  if (decision.superseded) return { outcome: 'superseded' };
  return { outcome: command.do === 'recordSeal' ? 'sealed' : 'rejected', round: request.round };
});
