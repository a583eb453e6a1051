import * as z from 'zod';
import { stepHandler } from '../../handler.ts';
import { rowKey } from '../../keys.ts';
import { Project } from '../../projects/schemas.ts';
import { packChunks } from '../../storage/chunks.ts';
import { readVerified, Tampered } from '../../storage/immutable-objects.ts';
import { isGoneObject } from '../../storage/object-read.ts';
import { putScratch } from '../../storage/scratch-store.ts';
import { readRow } from '../../table.ts';
import { SealManifest } from '../request/manifest.ts';
import { readRequest } from '../store.ts';
import { attemptFolder, RequestAttempt } from './attempt.ts';

export const env = z.object({ TABLE_NAME: z.string(), AIRLOCK_BUCKET: z.string(), WORK_BUCKET: z.string() });
// Larger than 450 KB: the clients of both S3 and DynamoDB.
const { TABLE_NAME, AIRLOCK_BUCKET, WORK_BUCKET } = env.parse(process.env);

/** Reads the sealed manifest, verifies that it is the one that was voted on, and packs the approved files into chunks. */
export const handler = stepHandler(RequestAttempt, async attempt => {
  const { project, request: id } = attempt;
  const request = await readRequest(TABLE_NAME, project, id);
  if (request.status !== 'releasing' || request.attempt !== attempt.attempt) return { outcome: 'superseded' };
  const home =
    request.direction === 'import' ? await readRow(TABLE_NAME, Project, rowKey('project', project)) : undefined;
  if (request.direction === 'import' && home?.status !== 'ready') throw new Error(`project ${project} is not ready`);
  const importBucket = home?.status === 'ready' ? home.network.bucket : null;
  try {
    const manifest = SealManifest.parse(await readVerified(AIRLOCK_BUCKET, request.seal));
    if (
      manifest.request !== id ||
      manifest.round !== request.round ||
      manifest.recipient !== (request.recipient?.id ?? request.requester)
    )
      throw new Tampered(`the seal of ${id} is another request's`);
    const leaving = manifest.files.filter(({ path }) => !request.withheld.includes(path));
    const chunks: string[] = [];
    for (const chunk of packChunks(leaving))
      chunks.push(await putScratch(WORK_BUCKET, attemptFolder(attempt), JSON.stringify(chunk)));
    return { outcome: 'ready', round: request.round, into: importBucket, chunks };
  } catch (error) {
    if (isGoneObject(error)) throw new Tampered(`the sealed manifest of ${id} is gone`);
    throw error;
  }
});
