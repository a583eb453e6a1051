import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  DeleteAccessPointPolicyCommand,
  PutAccessPointPolicyCommand,
  S3ControlClient,
} from '@aws-sdk/client-s3-control';
import * as z from 'zod';
import { QueueClosed, QueueOpened } from '../batch/events.ts';
import { ComputeQueue } from '../batch/schemas.ts';
import { currentTime } from '../clock.ts';
import { eventHandler } from '../handler.ts';
import { rowKey } from '../keys.ts';
import { Project } from '../projects/schemas.ts';
import { readRow } from '../table.ts';
import { buildAccessPolicy, buildDatasetList, DATASET_LIST_KEY, MAX_ACCESS_POLICY } from './access-policy.ts';
import { decideUse } from './datasets.ts';
import { DatasetResumed, DatasetSuspended, UseApproved, UseEnded, UseMinimised } from './events.ts';
import type { DatasetGrant } from './schemas.ts';
import { changeUse, pageDatasetUses, readGrants, readTerms } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  ACCOUNT: z.string(),
  /** The ARN of the lake's access points up to the name of the environment: no other is ever changed. */
  ACCESS_POINTS: z.string(),
  /** What the names of all projects' buckets begin with. */
  BUCKETS: z.string(),
});
const { TABLE_NAME, ACCOUNT, ACCESS_POINTS, BUCKETS } = env.parse(process.env);
const control = new S3ControlClient({});
const s3 = new S3Client({});
const MAX_TRIES = 5;

async function requireNetwork(id: string) {
  const project = await readRow(TABLE_NAME, Project, rowKey('project', id));
  if (project?.status !== 'ready' || !project.network.datasets) throw new Error(`project ${id} cannot read datasets`);
  const { bucket, datasets } = project.network;
  if (!datasets.accessPoint.startsWith(ACCESS_POINTS) || !bucket.startsWith(BUCKETS))
    throw new Error(`the access point or the bucket of ${id} is not a project's`);
  return { bucket, ...datasets };
}

/** The role of the heads of the project's pipelines, which exists while the cpu queue is open. */
async function findHeadRole(project: string): Promise<string | undefined> {
  const queue = await readRow(TABLE_NAME, ComputeQueue, rowKey('queue', project, 'kind-cpu'));
  return queue?.status === 'open' ? queue.place.headRole : undefined;
}

async function writePolicy(accessPoint: string, policy: string | undefined): Promise<void> {
  const place = { AccountId: ACCOUNT, Name: accessPoint.slice(accessPoint.lastIndexOf('/') + 1) };
  await (policy === undefined
    ? control.send(new DeleteAccessPointPolicyCommand(place))
    : control.send(new PutAccessPointPolicyCommand({ ...place, Policy: policy })));
}

/**
 * The grants of datasets that may be used now. An approval may overtake the withdrawal of its dataset: such a use ends here,
 * so that nobody reads that it is approved.
 */
async function keepUsable(project: string, grants: readonly DatasetGrant[]): Promise<DatasetGrant[]> {
  const names = [...new Set(grants.map(({ dataset }) => dataset))];
  const rules = new Map(await Promise.all(names.map(async name => [name, await readTerms(TABLE_NAME, name)] as const)));
  const now = currentTime();
  for (const { use: id, dataset } of grants) {
    const terms = rules.get(dataset);
    if (!terms?.withdrawn) continue;
    const reason = `The dataset was withdrawn: ${terms.withdrawn.reason}`;
    await changeUse(
      TABLE_NAME,
      { project, id },
      read => decideUse(read, { do: 'withdraw', reason }, now, { terms, isMember: false }),
      now,
    );
  }
  return grants.filter(({ dataset }) => {
    const terms = rules.get(dataset);
    return terms !== undefined && !terms.withdrawn && !terms.suspended;
  });
}

/**
 * Gives a project exactly the access that its grants say, whatever event called it, how often and in which order. Two
 * runs may overtake each other, so each ends only when the grants are still those that it wrote.
 */
async function applyGrants(project: string): Promise<void> {
  // Nothing was ever granted, so there is nothing to change.
  if (!(await readGrants(TABLE_NAME, project))) return;
  const network = await requireNetwork(project);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const row = await readGrants(TABLE_NAME, project);
    const [head, grants] = [await findHeadRole(project), await keepUsable(project, row?.grants ?? [])];
    const now = currentTime();
    const complete = buildAccessPolicy({ ...network, head }, grants, now);
    // Approvals count the heads of pipelines. Without them there is room for what was approved before approvals did that.
    const isTooLong = (complete?.length ?? 0) > MAX_ACCESS_POLICY;
    await writePolicy(network.accessPoint, isTooLong ? buildAccessPolicy(network, grants, now) : complete);
    await s3.send(
      new PutObjectCommand({
        Bucket: network.bucket,
        Key: DATASET_LIST_KEY,
        Body: buildDatasetList(network.alias, grants, now),
        ContentType: 'application/json',
      }),
    );
    const isSame = (await readGrants(TABLE_NAME, project))?.revision === row?.revision;
    if (!isSame || (await findHeadRole(project)) !== head) continue;
    if (isTooLong)
      throw new Error(
        `The policy of the access point of ${project} has no room for the heads of its pipelines, so they read no dataset. Its desktops and jobs do. End a use of the project: broch dataset end.`,
      );
    return;
  }
  throw new Error(`the grants of ${project} kept changing`);
}

/** The projects with an approved use of the dataset. */
async function listProjects(dataset: string): Promise<Set<string>> {
  const projects = new Set<string>();
  for (let next: string | undefined; ; ) {
    const page = await pageDatasetUses(TABLE_NAME, dataset, { limit: 100, next });
    for (const { project, status } of page.items) if (status === 'approved') projects.add(project);
    next = page.next;
    if (next === undefined) return projects;
  }
}

const events = [
  UseApproved,
  UseMinimised,
  UseEnded,
  DatasetSuspended,
  DatasetResumed,
  QueueOpened,
  QueueClosed,
] as const;

/** Applies the grants of the project, or of every project that uses the dataset. */
export const handler = eventHandler<{ project?: string; dataset?: string }>(events, async ({ project, dataset }) => {
  const projects = project === undefined ? await listProjects(dataset ?? '') : [project];
  for (const id of projects) await applyGrants(id);
});
