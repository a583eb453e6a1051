import { DescribeImagesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { completeTask } from '../executions.ts';
import { eventHandler, logger } from '../handler.ts';
import { sha256 } from '../hash.ts';
import { Refused } from '../refused.ts';
import {
  BuildEnded,
  billKey,
  manifestKey,
  measurementsKey,
  PackerManifest,
  readBuildVariables,
  readMeasurements,
} from './builder.ts';
import { decideImage } from './images.ts';
import { readImageRules } from './rules.ts';
import { AmiId, type ImageBuild, type ImageRun } from './schemas.ts';
import { changeImage } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  RULES: z.string(),
  BUILDS_BUCKET: z.string(),
  MACHINE_ARN: z.string(),
  ENVIRONMENT: z.string(),
});
const { TABLE_NAME, RULES, BUILDS_BUCKET } = env.parse(process.env);
const rules = readImageRules(RULES);
const objects = new S3Client({});
const images = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

async function readText(key: string): Promise<string> {
  const { Body } = await objects.send(new GetObjectCommand({ Bucket: BUILDS_BUCKET, Key: key }));
  return (await Body?.transformToString()) ?? '';
}

/** What the build made, as Packer's manifest, the bill of materials and the tags of the machine image say. */
async function readBuild(run: ImageRun, recipe: string, now: string): Promise<ImageBuild> {
  const manifest = PackerManifest.parse(JSON.parse(await readText(manifestKey(run))));
  const bill = sha256(await readText(billKey(run)));
  const ami = AmiId.parse(manifest.builds.at(-1)?.artifact_id.split(':').at(-1));
  const { Images: [machineImage] = [] } = await images.send(
    new DescribeImagesCommand({ ImageIds: [ami], Owners: ['self'] }),
  );
  const tag = (name: string) => machineImage?.Tags?.find(({ Key }) => Key === name)?.Value;
  if (tag('broch:image') !== run.image || tag('broch:recipe') !== recipe)
    throw new Refused(
      'mismatch',
      `The build made ${ami}, which is not tagged as ${run.image} of the recipe ${recipe}.`,
    );
  const measurements =
    run.image === 'enclave-parent' ? readMeasurements(await readText(measurementsKey(run))) : undefined;
  return { ami, base: tag('broch:base') ?? '', bill, builtAt: now, ...(measurements && { measurements }) };
}

/** Records the end of a build and wakes the workflow. Whatever is wrong with the outcome fails the version. */
export const handler = eventHandler(BuildEnded, async ({ 'build-status': status, ...detail }) => {
  const variables = readBuildVariables(detail['additional-information'].environment['environment-variables']);
  if (!variables) return logger.warn('a build that Broch did not start', { status });
  const { recipe, ...run } = variables;
  const now = currentTime();
  const logs = detail['additional-information'].logs?.['deep-link'] ?? 'the log of the build in CodeBuild';
  const failure = (reason: string) => ({ do: 'recordFailure', ...run, reason }) as const;
  const record = async () => {
    if (status !== 'SUCCEEDED') return failure(`The build ended as ${status}. See ${logs}.`);
    try {
      return { do: 'recordBuild', ...run, build: await readBuild(run, recipe, now) } as const;
    } catch (error) {
      if (error instanceof Refused) return failure(error.message);
      if (error instanceof z.ZodError || error instanceof SyntaxError)
        return failure(`The manifest or the measurements of the build cannot be read. See ${logs}.`);
      throw error;
    }
  };
  const command = await record();
  const { wake } = await changeImage(TABLE_NAME, run.image, read => decideImage(read, command, rules, now), now);
  if (wake !== undefined) await completeTask(wake);
});
