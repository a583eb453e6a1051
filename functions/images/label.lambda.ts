import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  EC2Client,
  EnableImageDeprecationCommand,
} from '@aws-sdk/client-ec2';
import * as z from 'zod';
import { currentTime, timeAfter } from '../clock.ts';
import { eventHandler } from '../handler.ts';
import { APPROVED_TAG } from '../names.ts';
import { ImageApprovalVoided, ImageApproved, ImageDeprecated, ImageRejected, ImageRetired } from './events.ts';
import type { ImageName, ImageVersion } from './schemas.ts';
import { readImage } from './store.ts';
import { findVersion } from './versions.ts';

export const env = z.object({ TABLE_NAME: z.string(), ENVIRONMENT: z.string() });
const { TABLE_NAME, ENVIRONMENT } = env.parse(process.env);
const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

/** Makes the machine image what the version is: approved, deprecated or gone. */
async function label(ami: string, { status }: ImageVersion): Promise<void> {
  if (status === 'retired') {
    await client.send(new DeregisterImageCommand({ ImageId: ami, DeleteAssociatedSnapshots: true }));
    return;
  }
  const target = { Resources: [ami] };
  if (status === 'approved' || status === 'published')
    await client.send(new CreateTagsCommand({ ...target, Tags: [{ Key: APPROVED_TAG, Value: ENVIRONMENT }] }));
  else await client.send(new DeleteTagsCommand({ ...target, Tags: [{ Key: APPROVED_TAG }] }));
  // EC2 takes no time in the past, and rounds to the minute.
  if (status === 'deprecated')
    await client.send(
      new EnableImageDeprecationCommand({ ImageId: ami, DeprecateAt: new Date(timeAfter(currentTime(), 120)) }),
    );
}

const readVersion = async (image: ImageName, version: number) =>
  findVersion(await readImage(TABLE_NAME, image), version);

/** Reads the version again after the change, so that of two events at once the last writer sees the last decision. */
export const handler = eventHandler(
  [ImageApproved, ImageApprovalVoided, ImageRejected, ImageDeprecated, ImageRetired],
  async ({ image, version: number, ami }) => {
    if (!ami) return;
    let previous: string | undefined;
    for (
      let version = await readVersion(image, number);
      version.status !== previous;
      version = await readVersion(image, number)
    ) {
      previous = version.status;
      try {
        await label(ami, version);
      } catch (error) {
        const isGone = error instanceof Error && /^InvalidAMIID\.(NotFound|Unavailable)$/.test(error.name);
        // Somebody deleted it by hand, or an earlier delivery of the event did.
        if (!isGone) throw error;
      }
    }
  },
);
