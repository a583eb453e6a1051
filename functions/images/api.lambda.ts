import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { startExecution } from '../executions.ts';
import { http, type User } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { hasProject } from '../membership.ts';
import { readGroups } from '../people.ts';
import { Refused } from '../refused.ts';
import { decideCall, decideImage, type ImageCommand } from './images.ts';
import { findInstances } from './instances.ts';
import { findQueues } from './queues.ts';
import { imagesRoutes } from './routes.ts';
import { readImageRules } from './rules.ts';
import { type Image, ImageName } from './schemas.ts';
import { changeImage, readImage } from './store.ts';
import { findVersion, summariseImage, withAge } from './versions.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  MACHINE_ARN: z.string(),
  POOL_ID: z.string(),
  RULES: z.string(),
  /** The digest of each recipe, as JSON. */
  RECIPES: z.string(),
  /** The workflow's timeout: by then a run has ended. */
  DEADLINE_SECONDS: z.coerce.number().int(),
  ENVIRONMENT: z.string(),
});
const { TABLE_NAME, MACHINE_ARN, POOL_ID, RULES, RECIPES, DEADLINE_SECONDS } = env.parse(process.env);
const rules = readImageRules(RULES);
const recipes = z.record(ImageName, z.string()).parse(JSON.parse(RECIPES));

const personOf = ({ id, name }: User) => ({ id, name });

/** What a person decides, once for each of their calls, which `mark` tells apart. */
async function change(image: ImageName, command: ImageCommand, mark: string): Promise<Image> {
  const now = currentTime();
  const decide = (read: Image) => decideCall(read, mark, () => decideImage(read, command, rules, now));
  return (await changeImage(TABLE_NAME, image, decide, now)).state;
}
const changeVersion = async (image: ImageName, command: ImageCommand & { version: number }, mark: string) =>
  findVersion(await change(image, command, mark), command.version);

async function startRun(image: ImageName, number: number, state: Image) {
  const version = findVersion(state, number);
  const { attempt } = version;
  await startExecution(MACHINE_ARN, `${image}-${number}-${attempt}`, { image, version: number, attempt });
  return version;
}

export const handler = http(
  imagesRoutes,
  'images',
  {
    listImages: async () => {
      const now = currentTime();
      const images = await Promise.all(ImageName.options.map(image => readImage(TABLE_NAME, image)));
      return { items: images.map(image => summariseImage(image, now)) };
    },
    showImage: async ({ params: { image } }) => {
      const { versions, ...row } = await readImage(TABLE_NAME, image);
      const now = currentTime();
      return { ...row, versions: versions.map(version => withAge(version, now)) };
    },
    showFindings: async ({ params: { image, version } }) =>
      withAge(findVersion(await readImage(TABLE_NAME, image), version), currentTime()),
    buildImage: async ({ user, mark, params: { image } }) => {
      const state = await change(image, { do: 'build', by: personOf(user), recipe: recipes[image] }, mark);
      return startRun(image, Math.max(...state.versions.map(({ version }) => version)), state);
    },
    retestImage: async ({ user, mark, params: { image, version } }) => {
      const command = { do: 'retest', by: personOf(user), version, deadlineSeconds: DEADLINE_SECONDS } as const;
      return startRun(image, version, await change(image, command, mark));
    },
    approveImage: ({ user, mark, params: { image, version }, body: { digest, reason } }) =>
      changeVersion(image, { do: 'approve', by: personOf(user), version, digest, reason }, mark),
    rejectImage: ({ user, mark, params: { image, version }, body: { reason } }) =>
      changeVersion(image, { do: 'reject', by: personOf(user), version, reason }, mark),
    publishImage: async ({ user, mark, params: { image, version }, body: { project } }) => {
      if (project !== undefined) await requireProject(project);
      return changeVersion(image, { do: 'publish', by: personOf(user), version, project }, mark);
    },
    rollBackImage: ({ user, mark, params: { image }, body: { reason } }) =>
      change(image, { do: 'rollBack', by: personOf(user), reason }, mark),
    pinImage: ({ user, mark, params: { image, project }, body: { version, until: day, reason } }) =>
      change(image, { do: 'pin', by: personOf(user), version, project, until: `${day}T00:00:00.000Z`, reason }, mark),
    unpinImage: ({ user, mark, params: { image, project }, body: { reason } }) =>
      change(image, { do: 'unpin', by: personOf(user), project, reason }, mark),
    deprecateImage: ({ user, mark, params: { image, version } }) =>
      changeVersion(image, { do: 'deprecate', by: personOf(user), version }, mark),
    retireImage: async ({ user, mark, params: { image, version } }) => {
      const target = findVersion(await readImage(TABLE_NAME, image), version);
      const ami = 'build' in target ? target.build?.ami : undefined;
      const [instances, queues] = ami ? await Promise.all([findInstances(ami), findQueues(ami)]) : [[], []];
      return changeVersion(image, { do: 'retire', by: personOf(user), version, instances, queues }, mark);
    },
  },
  {
    hasProject: project => hasProject(TABLE_NAME, project),
    groups: person => readGroups(POOL_ID, person),
    once: outcomeStore(TABLE_NAME),
  },
);

async function requireProject(project: string): Promise<void> {
  if (!(await hasProject(TABLE_NAME, project))) throw new Refused('missing', `There is no project ${project}.`);
}
