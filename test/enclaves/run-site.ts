import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { ApiClient } from '../../bin/cli/call.ts';
import type { PackedFile } from '../../local/enclaves/parties.ts';
import type { connectTestCloud } from '../cloud.ts';
import { tomorrow } from '../datasets/harness.ts';
import { addSha256Sums } from '../ingest/delivery.ts';
import { deliverFiles } from '../ingest/partner.ts';
import { waitUntil } from '../workspaces/harness.ts';

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

/** The airlock's request for the outputs of a run, once it is drafted. */
export const waitForDraft = (lead: ApiClient, project: string, request: string) =>
  waitUntil(
    () => lead.ask('showRequest', { params: { project, request } }).catch(() => undefined),
    answer => answer !== undefined,
  );

/** What lies at a place, read as the operator of the cloud could. */
export async function readStoredText(
  { configuration }: ReturnType<typeof connectTestCloud>,
  Bucket: string,
  Key: string,
): Promise<string | undefined> {
  const { Body } = await new S3Client(configuration).send(new GetObjectCommand({ Bucket, Key }));
  return Body?.transformToString();
}

export const inThirtyDays = () => new Date(Date.now() + 30 * 24 * 3600_000).toISOString();

/** A packed file as a manifest names it. */
export const objectOf = (key: string, { sha256, bytes, kmsKey }: PackedFile) => ({ key, sha256, bytes, kmsKey });
