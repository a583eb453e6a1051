import * as z from 'zod';
import { currentTime } from '../../clock.ts';
import { stepHandler } from '../../handler.ts';
import { readRoles } from '../../membership.ts';
import { packChunks } from '../../storage/chunks.ts';
import { listObjects } from '../../storage/object-read.ts';
import { pathFinding } from '../../storage/paths.ts';
import { putScratch } from '../../storage/scratch-store.ts';
import { decideRequest } from '../airlock.ts';
import { readSettings } from '../project-settings.ts';
import { parseAirlockConfig } from '../request/airlock-config.ts';
import { NO_PEOPLE } from '../request/decision.ts';
import { applySettings, policyForSettings } from '../request/settings.ts';
import { admitVolume } from '../request/volumes.ts';
import { changeRequest, changeVolumes, readRequest } from '../store.ts';
import { attemptFolder, RequestAttempt } from './attempt.ts';
import { deliverFullReport, projectBucket } from './full-report-page.ts';
import { beginLedger } from './release-ledger.ts';
import { selectFiles } from './select-files.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  /** What the names of all projects' buckets start with. */
  BUCKETS: z.string(),
  /** Where imports are uploaded to. */
  UPLOADS_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  RULES: z.string(),
});
// Larger than 450 KB: the clients of S3 and DynamoDB.
const { TABLE_NAME, BUCKETS, UPLOADS_BUCKET, WORK_BUCKET, RULES } = env.parse(process.env);
const base = parseAirlockConfig(RULES);

/**
 * Pins the version of every file of a submission and packs the files into chunks, or rejects the submission with a reason
 * for each file. The output refers to objects in the work bucket, so it stays small.
 */
export const handler = stepHandler(RequestAttempt, async attempt => {
  const { project, request: id } = attempt;
  const request = await readRequest(TABLE_NAME, project, id);
  // A retry after a lost answer.
  if (request.status === 'draft' && request.attempt === attempt.attempt) return { outcome: 'rejected' };
  if (request.status !== 'submitted' || request.attempt !== attempt.attempt) return { outcome: 'superseded' };
  const homeBucket = await projectBucket(TABLE_NAME, BUCKETS, project);
  const bucket = request.direction === 'import' ? UPLOADS_BUCKET : homeBucket;
  await beginLedger(TABLE_NAME, project);
  const ruling = await readSettings(TABLE_NAME, project);
  const settings = ruling?.settings;
  const rules = applySettings(base, settings);
  const { files, findings } = selectFiles(request, await listObjects(bucket, request.source), rules);
  // People with a part in the request must not have made the settings it is reviewed by.
  if (ruling && (ruling.by === request.recipient?.id || (await readRoles(TABLE_NAME, project, ruling.by)).length > 0)) {
    const { byName } = ruling;
    const message = `The settings of ${project} are by ${byName}, who is a member of the project or the recipient. Ask another operator to confirm the settings.`;
    findings.push(pathFinding('', `${message} That is \`broch airlock configure\`, with the same settings.`));
  }
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const now = currentTime();
  const facts = { rules, ...NO_PEOPLE };
  let excess = false;
  let high: string[] = [];
  if (findings.length === 0) {
    const admission = await changeVolumes(TABLE_NAME, request, request.startedAt.slice(0, 10), volumes =>
      admitVolume(volumes, `${id}-${request.round}`, bytes, rules),
    );
    if ('reason' in admission) {
      excess = true;
      findings.push(admission);
    } else high = admission.high;
  }
  if (findings.length > 0) {
    await deliverFullReport(homeBucket, request, [], findings);
    const decision = await changeRequest(TABLE_NAME, { project, id, at: now }, read =>
      decideRequest(read, { do: 'rejectSubmission', attempt: request.attempt, findings, over: excess }, now, facts),
    );
    return { outcome: decision.superseded ? 'superseded' : 'rejected' };
  }
  if (high.length > 0)
    await changeRequest(TABLE_NAME, { project, id, at: now }, read =>
      decideRequest(read, { do: 'recordVolume', attempt: request.attempt, message: high }, now, facts),
    );
  const chunks: string[] = [];
  for (const chunk of packChunks(files))
    chunks.push(await putScratch(WORK_BUCKET, attemptFolder(attempt), JSON.stringify(chunk)));
  const policy = policyForSettings(base, settings, request.direction);
  return {
    outcome: 'ready',
    bucket,
    source: request.source,
    round: request.round,
    policy,
    chunks,
    settingsBy: ruling?.by,
  };
});
