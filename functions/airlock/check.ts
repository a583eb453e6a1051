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

/** Checks every file of a chunk, as it was sealed. */
export const handler = step(Input, async ({ project, request, round, policy, sealed }) => {
  const files = Sealed.parse(JSON.parse(await take(WORK_BUCKET, sealed)));
  const released = await remembered(RELEASE_BUCKET, project);
  const prefix = roundPrefix({ id: request, round });
  const reports = await parallel(files, width, ({ versionId, ...file }) =>
    checkFile(
      file,
      () => streamOf({ bucket: AIRLOCK_BUCKET, key: `${prefix}files/${file.path}`, version: versionId }),
      policy,
      released,
    ),
  );
  return keep(AIRLOCK_BUCKET, `${prefix}checks/${sha256(sealed).slice(0, 16)}.json`, JSON.stringify(reports));
});
