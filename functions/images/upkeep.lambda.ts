import { DescribeImagesCommand, EC2Client } from '@aws-sdk/client-ec2';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { startExecution } from '../executions.ts';
import { logger, stepHandler } from '../handler.ts';
import { BuildNetwork, clearBuildNetwork } from './build-network.ts';
import { decideImage } from './images.ts';
import { readImageRules } from './rules.ts';
import { ImageName } from './schemas.ts';
import { changeImage } from './store.ts';
import { platform } from './upkeep.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  MACHINE_ARN: z.string(),
  RULES: z.string(),
  /** The digest of each recipe, as JSON. */
  RECIPES: z.string(),
  /** The owner and the name of the images that each recipe is built on, as JSON. */
  BASES: z.string(),
  /** Where images are built, as JSON. */
  NETWORK: z.string(),
});
const { TABLE_NAME, MACHINE_ARN, RULES, RECIPES, BASES, NETWORK } = env.parse(process.env);
const rules = readImageRules(RULES);
const recipes = z.record(ImageName, z.string()).parse(JSON.parse(RECIPES));
const bases = z.record(ImageName, z.object({ owner: z.string(), name: z.string() })).parse(JSON.parse(BASES));
const network = BuildNetwork.parse(JSON.parse(NETWORK));
const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

/** The image that Packer would build on today: the newest that fits the recipe's own filter. */
async function findBase(image: ImageName): Promise<string | undefined> {
  const { owner, name } = bases[image];
  const filters = { name, architecture: 'x86_64', 'root-device-type': 'ebs', 'virtualization-type': 'hvm' };
  const { Images = [] } = await client.send(
    new DescribeImagesCommand({
      Owners: [owner],
      Filters: Object.entries(filters).map(([Name, value]) => ({ Name, Values: [value] })),
    }),
  );
  const candidates = Images.flatMap(({ ImageId: id, CreationDate: date }) => (id && date ? [{ id, date }] : []));
  return candidates.sort((a, b) => a.date.localeCompare(b.date)).at(-1)?.id;
}

async function keepUp(image: ImageName): Promise<void> {
  const now = currentTime();
  const command = { do: 'keepUp', recipe: recipes[image], base: await findBase(image) } as const;
  const { state } = await changeImage(TABLE_NAME, image, read => decideImage(read, command, rules, now), now);
  // Also if an earlier call wrote the version and could not start its run: the name of the execution starts it once.
  for (const { status, startedBy, version, attempt } of state.versions)
    if (status === 'building' && startedBy.id === platform.id)
      await startExecution(MACHINE_ARN, `${image}-${version}-${attempt}`, { image, version, attempt });
}

async function clearNetwork(): Promise<void> {
  const leftovers = await clearBuildNetwork(network);
  if (leftovers.length > 0) logger.warn('a build left something, which was removed', { leftovers });
}

/** An operator who calls the function by hand may name one image. */
const Look = z.object({ image: ImageName.optional() });

/**
 * Each day: looks whether images in use are old, or made of what has changed, and starts their builds. Removes what a
 * stopped build left.
 */
export const handler = stepHandler(Look, async ({ image: name }): Promise<void> => {
  const images = name ? [name] : ImageName.options;
  const tasks: [subject: string, outcome: Promise<void>][] = [
    ['the network of builds', clearNetwork()],
    ...images.map((image): [string, Promise<void>] => [image, keepUp(image)]),
  ];
  const outcomes = await Promise.allSettled(tasks.map(([, outcome]) => outcome));
  const failures = outcomes.flatMap((outcome, index) =>
    outcome.status === 'rejected' ? [{ subject: tasks[index]?.[0], error: outcome.reason as Error }] : [],
  );
  for (const { subject, error } of failures) logger.error('it was not looked at', { subject, error });
  const names = failures.map(({ subject }) => subject).join(', ');
  if (failures.length > 0) throw new Error(`Not looked at: ${names}. The next run does it.`);
});
