import * as z from 'zod';
import { now } from '../clock.ts';
import { step } from '../handler.ts';
import { pack } from '../ingest/chunks.ts';
import { listPresent } from '../ingest/landing.ts';
import { leave } from '../ingest/work.ts';
import { readProject } from '../projects/store.ts';
import { decide } from './airlock.ts';
import { announce } from './announce.ts';
import { admit, gather } from './gather.ts';
import { Rules } from './rules.ts';
import { Attempt, folder } from './steps.ts';
import { change, changeVolume, readRequest } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  BUS_NAME: z.string(),
  /** What the names of all projects' buckets start with. */
  BUCKETS: z.string(),
  WORK_BUCKET: z.string(),
  RULES: z.string(),
});
// Larger than 450 KB: the clients of S3, DynamoDB and EventBridge.
const { TABLE_NAME, BUS_NAME, BUCKETS, WORK_BUCKET, RULES } = env.parse(process.env);
const rules = Rules.parse(JSON.parse(RULES));

/**
 * Pins the version of every file of a submission and packs the work; or sends it back with a reason for each file. What
 * it gives back names texts in the work bucket, so it stays small however many files there are.
 */
export const handler = step(Attempt, async attempt => {
  const { project, request: id } = attempt;
  const of = await readRequest(TABLE_NAME, project, id);
  if (of.status !== 'checking' || of.attempt !== attempt.attempt) return { outcome: 'superseded' };
  const home = await readProject(TABLE_NAME, project);
  if (home?.status !== 'ready') throw new Error(`project ${project} is not ready`);
  const { bucket } = home.network;
  if (!bucket.startsWith(BUCKETS)) throw new Error(`${bucket} is not a project's`);
  const { files, findings } = gather(of, await listPresent(bucket, of.source), rules);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const at = now();
  if (findings.length === 0) {
    const admitted = await changeVolume(TABLE_NAME, project, of.startedAt.slice(0, 10), volume =>
      admit(volume, `${id}-${of.round}`, bytes, rules),
    );
    if ('reason' in admitted) findings.push(admitted);
  }
  if (findings.length > 0) {
    const decision = await change(TABLE_NAME, { project, id, at }, read =>
      decide(read, { do: 'mend', attempt: of.attempt, findings }, at, { rules, members: [], reviewers: [] }),
    );
    await announce(BUS_NAME, decision, at);
    return { outcome: decision.superseded ? 'superseded' : 'mend' };
  }
  const chunks: string[] = [];
  for (const chunk of pack(files)) chunks.push(await leave(WORK_BUCKET, folder(attempt), JSON.stringify(chunk)));
  return { outcome: 'ready', bucket, source: of.source, round: of.round, chunks };
});
