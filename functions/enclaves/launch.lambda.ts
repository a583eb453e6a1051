import { PutObjectCommand } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { Image, imageKey } from '../images/schemas.ts';
import { s3 } from '../storage/s3.ts';
import { readRow } from '../table.ts';
import { PARENT_IMAGE, requireApprovedLoader } from './approved-loader.ts';
import { RunStep, readNetwork, readRunning } from './attempt.ts';
import { decideEnclaveRun } from './enclaves.ts';
import { launchParent } from './instances.ts';
import { machineFor } from './machine.ts';
import { manifestText } from './manifest.ts';
import { OVERHEAD_MINUTES } from './progress.ts';
import { orderKey } from './schemas.ts';
import { changeEnclaveRun } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), ENVIRONMENT: z.string(), BUCKETS: z.string() });
const { TABLE_NAME, ENVIRONMENT } = env.parse(process.env);

/** Leaves the order where the instance reads it, and launches the instance from the approved image. */
export const handler = stepHandler(RunStep, async (step): Promise<void> => {
  const run = await readRunning(TABLE_NAME, step);
  const { network } = await readNetwork(TABLE_NAME, run.project);
  const parentImage = await readRow(TABLE_NAME, Image, imageKey(PARENT_IMAGE));
  const image = requireApprovedLoader(run.manifest.loader, parentImage, run.project, currentTime());
  const machine = machineFor(run.manifest);
  const { artefact, inputs } = run.manifest;
  const order = {
    manifest: manifestText(run.manifest),
    keys: { ...run.approvals.data?.keys, ...run.approvals.code?.keys },
    objects: Object.fromEntries([artefact, ...inputs].map(({ sha256, key }) => [sha256, key])),
    vcpus: machine.vcpus,
    memoryMiB: machine.memoryMiB,
  };
  await s3.send(
    new PutObjectCommand({
      Bucket: network.bucket,
      Key: orderKey(run.id),
      Body: JSON.stringify(order),
      ContentType: 'application/json',
    }),
  );
  const minutes = Math.ceil(run.manifest.limits.seconds / 60) + OVERHEAD_MINUTES;
  const instance = await launchParent({ run, network, environment: ENVIRONMENT, image, machine, minutes });
  const now = currentTime();
  await changeEnclaveRun(
    TABLE_NAME,
    { project: run.project, id: run.id },
    read => decideEnclaveRun(read, { do: 'start', instance }, now),
    now,
  );
});
