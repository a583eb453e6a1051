import {
  CopyImageCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  EC2Client,
  type Image as MachineImage,
  ModifyImageAttributeCommand,
} from '@aws-sdk/client-ec2';
import * as z from 'zod';
import { logger, stepHandler } from '../handler.ts';
import { type Image, ImageName } from './schemas.ts';
import { planSharing, type RegionalImage, ShareTarget, type SharingAction } from './sharing.ts';
import { readImage } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  /** The accounts and regions, as JSON. */
  TARGETS: z.string(),
  REGION: z.string(),
  ENVIRONMENT: z.string(),
});
const { TABLE_NAME, TARGETS, REGION, ENVIRONMENT } = env.parse(process.env);
const targets = z.array(ShareTarget).parse(JSON.parse(TARGETS));
const regions = [...new Set([REGION, ...targets.flatMap(({ region }) => region ?? [])])];
const clients = new Map(
  regions.map(region => [region, new EC2Client({ region, retryMode: 'adaptive', maxAttempts: 5 })]),
);
const clientOf = (region: string) => clients.get(region) as EC2Client;

/** The tag of a copy: the image that it is a copy of. */
const SOURCE_TAG = 'broch:source';

async function describe(region: string, source: string, { ImageId: id = '', State: state }: MachineImage) {
  const { LaunchPermissions = [] } = await clientOf(region).send(
    new DescribeImageAttributeCommand({ ImageId: id, Attribute: 'launchPermission' }),
  );
  const accounts = LaunchPermissions.flatMap(({ UserId }) => UserId ?? []);
  return { id, source, region, isAvailable: state === 'available', accounts } satisfies RegionalImage;
}

/** The images of all versions of an image, and their copies. */
async function listRegionalImages(image: Image): Promise<RegionalImage[]> {
  const ids = image.versions.flatMap(version => ('build' in version && version.build ? [version.build.ami] : []));
  if (ids.length === 0) return [];
  const lists = await Promise.all(
    regions.map(async region => {
      const Filters =
        region === REGION ? [{ Name: 'image-id', Values: ids }] : [{ Name: `tag:${SOURCE_TAG}`, Values: ids }];
      const { Images = [] } = await clientOf(region).send(new DescribeImagesCommand({ Owners: ['self'], Filters }));
      return Promise.all(
        Images.map(machineImage => {
          const source =
            region === REGION ? machineImage.ImageId : machineImage.Tags?.find(({ Key }) => Key === SOURCE_TAG)?.Value;
          return describe(region, source ?? '', machineImage);
        }),
      );
    }),
  );
  return lists.flat();
}

async function carryOut(image: ImageName, action: SharingAction): Promise<void> {
  const client = clientOf(action.region);
  logger.info('sharing', { image, ...action });
  if (action.do === 'copy') {
    const tags = { 'broch:image': image, 'broch:environment': ENVIRONMENT, [SOURCE_TAG]: action.source };
    await client.send(
      new CopyImageCommand({
        Name: `broch-${image}-${action.source}`,
        SourceImageId: action.source,
        SourceRegion: REGION,
        ClientToken: `${ENVIRONMENT}-${action.source}`,
        // The copy is encrypted again, with the key of its region: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AMIEncryption.html
        Encrypted: true,
        KmsKeyId: action.key,
        TagSpecifications: ['image', 'snapshot'].map(ResourceType => ({
          ResourceType: ResourceType as 'image' | 'snapshot',
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        })),
      }),
    );
  } else if (action.do === 'delete') {
    await client.send(new DeregisterImageCommand({ ImageId: action.id, DeleteAssociatedSnapshots: true }));
  } else {
    const permissions = action.accounts.map(UserId => ({ UserId }));
    const LaunchPermission = action.do === 'allow' ? { Add: permissions } : { Remove: permissions };
    await client.send(new ModifyImageAttributeCommand({ ImageId: action.id, LaunchPermission }));
  }
}

async function shareImage(name: ImageName): Promise<void> {
  const image = await readImage(TABLE_NAME, name);
  const actions = planSharing(image, targets, REGION, await listRegionalImages(image));
  const outcomes = await Promise.allSettled(actions.map(action => carryOut(name, action)));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** Each hour: gives other accounts and regions what is published, and takes back what no longer is. */
export const handler = stepHandler(z.object({}), async (): Promise<void> => {
  const failed: ImageName[] = [];
  // What cannot be copied to one region must not keep another image there.
  for (const name of ImageName.options)
    await shareImage(name).catch((error: Error) => {
      logger.error('an image was not shared', { image: name, error });
      failed.push(name);
    });
  if (failed.length > 0) throw new Error(`Not shared: ${failed.join(', ')}. The next run does it.`);
});
