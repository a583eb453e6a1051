import { CodeBuildClient, StartBuildCommand } from '@aws-sdk/client-codebuild';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { BuildRecorded } from './builder.ts';
import { decideImage } from './images.ts';
import { readImageRules } from './rules.ts';
import { ImageRun } from './schemas.ts';
import { changeImage, readImage } from './store.ts';
import { findVersion } from './versions.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  RULES: z.string(),
  /** The CodeBuild project that runs Packer. */
  BUILDER: z.string(),
});
const { TABLE_NAME, RULES, BUILDER } = env.parse(process.env);
const rules = readImageRules(RULES);
const builds = new CodeBuildClient({});

/**
 * Starts the build, once for each run, and stores the task's token for its end. A version that is built already, because
 * it is tested again, is not built again.
 */
export const handler = stepHandler(
  ImageRun.extend({ token: z.string().min(1).max(2048) }),
  async ({ image, version, attempt, token }): Promise<void> => {
    const { status, recipe } = findVersion(await readImage(TABLE_NAME, image), version);
    if (status === 'building')
      await builds.send(
        new StartBuildCommand({
          projectName: BUILDER,
          // The enclave's image comes out of Docker. No other build gets the host's devices.
          ...(image === 'enclave-parent' && { privilegedModeOverride: true }),
          idempotencyToken: `${image}-${version}-${attempt}`,
          environmentVariablesOverride: Object.entries({
            BROCH_IMAGE: image,
            BROCH_VERSION: String(version),
            BROCH_ATTEMPT: String(attempt),
            BROCH_RECIPE: recipe,
          }).map(([name, value]) => ({ name, value })),
        }),
      );
    const now = currentTime();
    const command = { do: 'recordTask', version, attempt, token } as const;
    const { wake } = await changeImage(TABLE_NAME, image, read => decideImage(read, command, rules, now), now);
    if (wake !== undefined) throw new BuildRecorded();
  },
);
