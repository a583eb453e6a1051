import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { WriteConflict } from '../change.ts';
import { currentTime } from '../clock.ts';
import { ObjectCreated } from '../contract.ts';
import { completeTask } from '../executions.ts';
import { eventHandler, logger } from '../handler.ts';
import { rowKey } from '../keys.ts';
import { Project } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import { readRow } from '../table.ts';
import { encryptPassword } from './passwords.ts';
import { MAX_REPORT_BYTES, parseReport, parseReportKey } from './reports.ts';
import { changeWorkspace, readInstance, readWorkspace } from './store.ts';
import { acceptsReport, decideWorkspace, requireProjectNetwork } from './workspaces.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  /** The prefix of the names of all project buckets. */
  BUCKETS: z.string(),
  PASSWORDS_KEY: z.string(),
  MACHINE_ARN: z.string(),
});
const { TABLE_NAME, BUCKETS, PASSWORDS_KEY } = env.parse(process.env);
// The S3 client makes this bundle larger (526 KB) than the others. Nothing waits for its cold start.
const objects = new S3Client({});

/** Retries for five seconds, because a step of the workflow may write its row up to that much later than a report. */
async function poll<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
  for (let tries = 0; tries < 20; tries++) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(250);
  }
  return undefined;
}

/** The current report: if two events arrive in the wrong order, both read the newer report. */
async function readReport(bucket: string, key: string) {
  const { Body, ContentLength, LastModified } = await objects.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  if (!Body || ContentLength === undefined || ContentLength > MAX_REPORT_BYTES)
    throw new Refused('large', `A report may have at most ${MAX_REPORT_BYTES} bytes.`);
  return { ...parseReport(await Body.transformToString()), at: (LastModified ?? new Date(0)).toISOString() };
}

async function hear(bucket: string, key: string): Promise<void> {
  const instance = parseReportKey(key);
  if (!bucket.startsWith(BUCKETS)) throw new Refused('forbidden', 'The bucket does not belong to a project.');
  const claim = await poll(() => readInstance(TABLE_NAME, instance));
  if (!claim) throw new Error(`${instance} reported, but no workspace has it`);
  const { project, workspace: id } = claim;
  const { bucket: projectBucket } = requireProjectNetwork(
    await readRow(TABLE_NAME, Project, rowKey('project', project)),
  );
  if (bucket !== projectBucket)
    throw new Refused('forbidden', `The bucket does not belong to ${project}, the project of the instance.`);
  // A machine that starts again may report before its start is on record.
  const isExpected = await poll(async () => {
    const workspace = await readWorkspace(TABLE_NAME, project, id);
    return workspace.status === 'requested' ? undefined : acceptsReport(workspace, instance);
  });
  if (!isExpected) return;
  const { password, protocol, at: reportedAt } = await readReport(bucket, key);
  const desktop = { protocol, reportedAt, password: await encryptPassword(PASSWORDS_KEY, password, id) };
  const now = currentTime();
  const command = { do: 'recordReport', instanceId: instance, desktop } as const;
  const { state } = await changeWorkspace(TABLE_NAME, project, id, read => decideWorkspace(read, command, now), now);
  if (state.workspace.status !== 'starting') return;
  // Not there yet: the workflow will find the report when it starts to wait.
  const token = await poll(async () => {
    const { status, ...rest } = await readWorkspace(TABLE_NAME, project, id);
    return status === 'starting' && 'token' in rest ? rest.token : status === 'starting' ? undefined : '';
  });
  if (token) await completeTask(token);
}

/** Reads the report of a desktop's agent. A forged or malformed report is logged without its content and ignored. */
export const handler = eventHandler(ObjectCreated, async ({ bucket, object }) => {
  try {
    await hear(bucket.name, object.key);
  } catch (error) {
    if (!(error instanceof Refused) || error instanceof WriteConflict) throw error;
    const { message: reason, details } = error;
    logger.warn('report refused', { bucket: bucket.name, key: object.key, reason, details });
  }
});
