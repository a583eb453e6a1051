import { randomInt } from 'node:crypto';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import * as z from 'zod';
import { currentTime, timeAfter } from '../clock.ts';
import { readDataTier } from '../data-tier.ts';
import { startExecution } from '../executions.ts';
import { type Caller, http } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { rowKey } from '../keys.ts';
import { hasProject, readMembership, wasMemberSince } from '../membership.ts';
import { findPerson, readGroups } from '../people.ts';
import { Project } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import { readVerifiedBytes } from '../storage/immutable-objects.ts';
import { s3 } from '../storage/s3.ts';
import { readRow } from '../table.ts';
import { fitsAccessPolicy, type ProjectReader } from './access-policy.ts';
import { createUseId, decideUse, type UseCommand, type UseContext, type UseState } from './datasets.ts';
import type { RoomCheck } from './grants.ts';
import { pageAccessLog } from './read-access-log.ts';
import { ErasureReceipt } from './receipt.ts';
import { recipeDigest } from './recipe-digest.ts';
import { datasetsRoutes } from './routes.ts';
import type { DatasetUse } from './schemas.ts';
import {
  changeTerms,
  changeUse,
  countWaitingUses,
  findNewestOf,
  findUsableVersion,
  pageCatalogue,
  pageDatasetUses,
  pageProjectUses,
  readTerms,
} from './store.ts';
import { decideTerms, type TermsCommand } from './terms.ts';
import { offerNewerVersion, viewUse } from './use-view.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  MACHINE: z.string(),
  POOL_ID: z.string(),
  LAKE_BUCKET: z.string(),
  ACCESS_LOGS: z.string(),
  /** What the ARNs of the projects' access points begin with. */
  ACCESS_POINTS: z.string(),
  /** The tier of projects that set none. */
  TIER: z.coerce.number(),
});
const { TABLE_NAME, MACHINE, POOL_ID, LAKE_BUCKET, ACCESS_LOGS, ACCESS_POINTS, TIER } = env.parse(process.env);

/** The rules of the dataset, the project's tier, and whether the person has a part in it, as they are at the decision. */
async function readContext({ use }: UseState, project: string, dataset: string, user: Caller): Promise<UseContext> {
  const [terms, membership, tier] = await Promise.all([
    readTerms(TABLE_NAME, dataset),
    user.membership(),
    readDataTier(TABLE_NAME, project, TIER),
  ]);
  const history = membership ? [membership] : [];
  return { terms, tier, isMember: wasMemberSince(history, user.id, use?.requestedAt ?? currentTime()) };
}

async function decide(
  place: { project: string; id: string },
  user: Caller,
  command: UseCommand,
  waitingCount = 0,
): Promise<DatasetUse> {
  const now = currentTime();
  const { state } = await changeUse(
    TABLE_NAME,
    place,
    async read => {
      const dataset = read.use?.dataset ?? (command.do === 'request' ? command.request.dataset : undefined);
      if (dataset === undefined) throw new Refused('missing', `The project ${place.project} has no use ${place.id}.`);
      return decideUse(read, command, now, {
        ...(await readContext(read, place.project, dataset, user)),
        waitingCount,
      });
    },
    now,
  );
  if (!state.use) throw new Error('a use that was just decided is missing');
  return viewUse(state.use, now);
}

async function changeDataset(dataset: string, command: TermsCommand) {
  const now = currentTime();
  const { state } = await changeTerms(TABLE_NAME, dataset, read => decideTerms(read, command, now), now);
  if (!state.terms) throw new Error('rules that were just decided are missing');
  return state.terms;
}

/** A Lambda function answers with 6 MB at most; the rest is for what the API adds. */
const MAX_ANSWER_BYTES = 5 * 1024 ** 2;
const LINK_SECONDS = 300;

/** Where the receipt of a deleted dataset is. */
async function requireReceipt(dataset: string) {
  const terms = await readTerms(TABLE_NAME, dataset);
  if (!terms?.withdrawn)
    throw new Refused('conflict', `The dataset ${dataset} was not withdrawn, so there is no receipt of its deletion.`);
  if (!terms.erased)
    throw new Refused(
      'conflict',
      `The dataset ${dataset} is not deleted yet, because the locks of its files have not ended. Try again later.`,
    );
  return terms.erased.receipt;
}

/** How a project reads datasets. Refuses a project that cannot, before anybody decides about it. */
async function requireReader(id: string): Promise<ProjectReader> {
  const project = await readRow(TABLE_NAME, Project, rowKey('project', id));
  if (project?.status !== 'ready') throw new Refused('conflict', `The project ${id} is not ready.`);
  if (!project.network.datasets)
    throw new Refused('conflict', `The network of ${id} is older than datasets. Ask an operator to build it again.`);
  return project.network.datasets;
}

const personOf = ({ id, name }: Caller) => ({ id, name });

export const handler = http(
  datasetsRoutes,
  'datasets',
  {
    governDataset: async ({ user, params: { dataset }, body: { owner: ownerName, retainUntil, tier, ...change } }) => {
      await findUsableVersion(TABLE_NAME, dataset, 'latest');
      const owner = await findPerson(POOL_ID, ownerName);
      if (!(await readGroups(POOL_ID, { id: owner.user, name: owner.name })).includes('steward'))
        throw new Refused(
          'conflict',
          `${owner.name} is no data steward and cannot own a dataset. Name a data steward.`,
        );
      const rules = {
        ...change,
        ...(retainUntil !== undefined && { retainUntil }),
        ...(tier !== undefined && { tier }),
        owner: owner.user,
        ownerName: owner.name,
      };
      return changeDataset(dataset, {
        do: 'govern',
        change: rules,
        by: personOf(user),
        isOperator: user.groups.includes('operator'),
      });
    },
    listCatalogue: ({ query }) => pageCatalogue(TABLE_NAME, query),
    withdrawDataset: async ({ user, params: { dataset }, body: { reason } }) => {
      const terms = await changeDataset(dataset, { do: 'withdraw', by: personOf(user), reason });
      await startExecution(MACHINE, `${dataset}-withdrawal`, { dataset });
      return terms;
    },
    suspendDataset: ({ user, params: { dataset }, body: { reason } }) => {
      const isOperator = user.groups.includes('operator');
      return changeDataset(dataset, { do: 'suspend', by: personOf(user), reason, isOperator });
    },
    resumeDataset: ({ user, params: { dataset } }) => changeDataset(dataset, { do: 'resume', by: personOf(user) }),
    showDataset: async ({ params: { dataset } }) => {
      const [newest, rules] = await Promise.all([findNewestOf(TABLE_NAME, dataset), readTerms(TABLE_NAME, dataset)]);
      if (!newest && !rules) throw new Refused('missing', `There is no dataset ${dataset}.`);
      return { dataset, ...(newest && { newest }), ...(rules && { rules }) };
    },
    showReceipt: async ({ params: { dataset } }) => {
      const bytes = await readVerifiedBytes(LAKE_BUCKET, await requireReceipt(dataset));
      if (bytes.length > MAX_ANSWER_BYTES)
        throw new Refused(
          'conflict',
          `This receipt has ${bytes.length} bytes, too many for one answer. Read it from an address: broch dataset receipt-link ${dataset}`,
        );
      return ErasureReceipt.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    },
    showAccessLog: async ({ user, params: { dataset }, query }) => {
      const terms = await readTerms(TABLE_NAME, dataset);
      if (!user.groups.includes('operator') && terms?.owner !== user.id)
        throw new Refused('forbidden', `Only the owner of the dataset ${dataset} or an operator reads its access log.`);
      return pageAccessLog({ bucket: ACCESS_LOGS, accessPoints: ACCESS_POINTS }, { dataset, ...query });
    },
    showReceiptLink: async ({ params: { dataset } }) => {
      const { key, versionId, sha256 } = await requireReceipt(dataset);
      const expires = timeAfter(currentTime(), LINK_SECONDS);
      const object = new GetObjectCommand({ Bucket: LAKE_BUCKET, Key: key, VersionId: versionId });
      return { url: await getSignedUrl(s3, object, { expiresIn: LINK_SECONDS }), sha256, expires };
    },
    requestUse: async ({ user, params: { project }, body: { version: choice, recipe, ...body } }) => {
      await requireReader(project);
      const { version, prefix } = await findUsableVersion(TABLE_NAME, body.dataset, choice);
      const id = createUseId(currentTime(), randomInt(2 ** 20));
      const minimisation = recipe ? { recipe, recipeDigest: recipeDigest(recipe) } : {};
      const request = { ...body, id, project, version, prefix, ...minimisation };
      const waitingCount = await countWaitingUses(TABLE_NAME, project, currentTime());
      return decide({ project, id }, user, { do: 'request', request, by: personOf(user) }, waitingCount);
    },
    listProjectUses: async ({ params: { project }, query }) => {
      const { items, next } = await pageProjectUses(TABLE_NAME, project, query);
      const uses = items.map(use => viewUse(use, currentTime()));
      const names = new Set(uses.flatMap(({ status, dataset }) => (status === 'approved' ? [dataset] : [])));
      const versions = await Promise.all([...names].map(name => findNewestOf(TABLE_NAME, name)));
      return { items: uses.map(use => offerNewerVersion(use, versions)), next };
    },
    listDatasetUses: async ({ params: { dataset }, query }) => {
      const { items, next } = await pageDatasetUses(TABLE_NAME, dataset, query);
      return { items: items.map(use => viewUse(use, currentTime())), next };
    },
    approveUse: async ({ user, params: { project, use: id }, body: { conditions, recipe } }) => {
      const reader = await requireReader(project);
      const hasRoom: RoomCheck = grants => fitsAccessPolicy(reader, grants, currentTime());
      return decide({ project, id }, user, { do: 'approve', by: personOf(user), conditions, recipe, hasRoom });
    },
    refuseUse: ({ user, params: { project, use: id }, body: { reason } }) =>
      decide({ project, id }, user, { do: 'refuse', by: personOf(user), reason }),
    endUse: async ({ user, params: { project, use: id }, body: { reason } }) => {
      const isLead = (await user.membership())?.roles.includes('lead') ?? false;
      return decide({ project, id }, user, { do: 'end', by: personOf(user), reason, isLead });
    },
  },
  {
    membership: (project, user) => readMembership(TABLE_NAME, project, user),
    hasProject: project => hasProject(TABLE_NAME, project),
    groups: person => readGroups(POOL_ID, person),
    once: outcomeStore(TABLE_NAME),
  },
);
