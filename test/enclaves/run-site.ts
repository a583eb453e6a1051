import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { ApiClient } from '../../bin/cli/call.ts';
import { type EnclaveRun, outputsPrefix, requestOf } from '../../functions/enclaves/schemas.ts';
import type { PackedFile } from '../../local/enclaves/parties.ts';
import type { connectTestCloud } from '../cloud.ts';
import { tomorrow } from '../datasets/harness.ts';
import { addSha256Sums } from '../ingest/delivery.ts';
import { deliverFiles } from '../ingest/partner.ts';
import { waitUntil } from '../workspaces/harness.ts';
import { boundKeys } from './runs.ts';

/** A partner delivers a dataset, which then has an owner. Returns its version. */
export async function deliverOwnedDataset(
  cloud: ReturnType<typeof connectTestCloud>,
  partner: ApiClient,
  owner: ApiClient,
  dataset: string,
): Promise<string> {
  const delivery = await deliverFiles(cloud, partner, dataset, addSha256Sums({ 'a.csv': 'n\n40\n' }));
  if (delivery.status !== 'registered') throw new Error(JSON.stringify(delivery));
  const { name } = await owner.ask('showMe');
  await owner.ask('governDataset', {
    params: { dataset },
    body: { title: 'Scans', controller: 'C', licence: 'L', purposes: ['research'], owner: name },
  });
  return delivery.version;
}

/** The project asks for the dataset, and its owner approves. Returns the use. */
export async function grantDataset(
  lead: ApiClient,
  owner: ApiClient,
  project: string,
  dataset: string,
): Promise<string> {
  const { id } = await lead.ask('requestUse', {
    params: { project },
    body: { dataset, purpose: 'research', endsAt: tomorrow(), explanation: 'Groups of patients.' },
  });
  await owner.ask('approveUse', { params: { project, use: id }, body: { conditions: '' } });
  return id;
}

/** What lies in the outputs of a run, once the airlock has drafted its request for them. */
export async function readDraftedTable(
  { configuration }: ReturnType<typeof connectTestCloud>,
  lead: ApiClient,
  Bucket: string,
  { project, id }: EnclaveRun,
): Promise<string | undefined> {
  const params = { project, request: requestOf(id) };
  const draft = await waitUntil(
    () => lead.ask('showRequest', { params }).catch(() => undefined),
    answer => answer !== undefined,
  );
  if (draft?.status !== 'draft' || draft.source !== outputsPrefix(id)) throw new Error(JSON.stringify(draft));
  const Key = `${outputsPrefix(id)}groups.csv`;
  const { Body } = await new S3Client(configuration).send(new GetObjectCommand({ Bucket, Key }));
  return Body?.transformToString();
}

/** Approves without a grant, by what `change` says otherwise. */
export const approve = (person: ApiClient | undefined, { id, project, digest }: EnclaveRun, change: object = {}) =>
  person?.ask('approveEnclaveRun', {
    params: { project, run: id },
    body: { manifest: digest, grant: 'grant', keys: boundKeys, ...change },
  });

export const inThirtyDays = () => new Date(Date.now() + 30 * 24 * 3600_000).toISOString();

/** A packed file as a manifest names it. */
export const objectOf = (key: string, { sha256, bytes, kmsKey }: PackedFile) => ({ key, sha256, bytes, kmsKey });
