import * as z from 'zod';
import { changeRows } from '../change.ts';
import type { Decision } from '../decision.ts';
import { outboxRow } from '../events/outbox.ts';
import { partitions, rowKey } from '../keys.ts';
import { Refused } from '../refused.ts';
import { createRow, type Page, pageRows, type Row, readRow, replaceRow } from '../table.ts';
import { foreignDataset, isNewerVersion } from './ingest.ts';
import { DatasetVersion, Delivery, PartnerId } from './schemas.ts';

// A delivery is a row in its partner's partition, so other partners cannot find it. For staff, a pointer by id names the
// partner.
const deliveryKey = (partner: string, id: string) => rowKey('partner', partner, `DELIVERY#${id}`);
const ownerKey = (id: string) => rowKey('delivery', id);
const Owner = z.object({ partner: z.string() });

const versionKey = (dataset: string, version: string) => rowKey('dataset', dataset, `VERSION#${version}`);
/** A second row for each version, for lists in order of time. */
const byTime = 'AT#';
const headKey = (dataset: string) => rowKey('datasets', '', dataset);

/** Writes a new delivery. Returns false if the id exists. */
export async function createDelivery(table: string, delivery: Delivery): Promise<boolean> {
  // The pointer is written first: without its delivery it is invisible, but a delivery without it is hidden from staff.
  return (
    (await createRow(table, ownerKey(delivery.id), { partner: delivery.partner })) &&
    (await createRow(table, deliveryKey(delivery.partner, delivery.id), delivery))
  );
}

export const readDelivery = (table: string, partner: string, id: string): Promise<Row<Delivery> | undefined> =>
  readRow(table, Delivery, deliveryKey(partner, id));

export async function readDeliveryPartner(table: string, id: string): Promise<string | undefined> {
  return (await readRow(table, Owner, ownerKey(id)))?.partner;
}

/** Reads a delivery, decides, and writes what changed with its events. */
export function changeDelivery(
  table: string,
  partner: string,
  id: string,
  decide: (delivery: Delivery) => Decision<Delivery>,
  now: string,
): Promise<Decision<Delivery>> {
  const key = deliveryKey(partner, id);
  return changeRows(
    table,
    `delivery ${id}`,
    async () => {
      const delivery = await readDelivery(table, partner, id);
      if (!delivery) throw new Refused('missing', `There is no delivery ${id}.`);
      return delivery;
    },
    decide,
    ({ state, events }, read) => [
      ...(state === read ? [] : [{ key, read, item: state }]),
      ...(events.length > 0 ? [outboxRow(key.pk, events, now)] : []),
    ],
  );
}

export const pageDeliveries = (
  table: string,
  partner: string,
  paging: { limit?: number; next?: string | undefined },
): Promise<Page<Row<Delivery>>> =>
  pageRows(table, Delivery, `${partitions.partner}${partner}`, { ...paging, prefix: 'DELIVERY#' });

export const readDatasetVersion = (table: string, dataset: string, version: string) =>
  readRow(table, DatasetVersion, versionKey(dataset, version));

const DatasetOwner = z.object({ partner: PartnerId, partnerName: z.string(), since: z.iso.datetime() });
const datasetOwnerKey = (dataset: string) => rowKey('dataset', dataset, 'OWNER');

/** The partner who delivered the first version of the dataset; undefined before that. */
export const readDatasetOwner = (table: string, dataset: string) =>
  readRow(table, DatasetOwner, datasetOwnerKey(dataset));

/** Makes the dataset belong to the partner of its first version. Refuses if it belongs to another. */
export async function claimDataset(
  table: string,
  { dataset, partner, partnerName }: Pick<Delivery, 'dataset' | 'partner' | 'partnerName'>,
  since: string,
): Promise<void> {
  if (await createRow(table, datasetOwnerKey(dataset), { partner, partnerName, since })) return;
  const owner = await readDatasetOwner(table, dataset);
  if (owner?.partner !== partner) throw new Refused('forbidden', foreignDataset(dataset));
}

/** Registers a version once and returns it as first registered. Idempotent. */
export async function createDatasetVersion(table: string, version: DatasetVersion): Promise<DatasetVersion> {
  const at = versionKey(version.dataset, version.version);
  const created = await createRow(table, at, version);
  const first = created ? version : await readRow(table, DatasetVersion, at);
  if (!first) throw new Error(`version ${version.version} was not written and does not exist`);
  await createRow(table, rowKey('dataset', first.dataset, `${byTime}${first.registeredAt}#${first.version}`), first);
  await raiseHead(table, first);
  return first;
}

async function raiseHead(table: string, version: DatasetVersion): Promise<void> {
  const at = headKey(version.dataset);
  const head = await readRow(table, DatasetVersion, at);
  if (!isNewerVersion(head, version)) return;
  const written = head ? await replaceRow(table, at, head, version) : await createRow(table, at, version);
  if (!written) throw new Error(`the head of ${version.dataset} was changed by another step`);
}

export const pageDatasetVersions = (
  table: string,
  dataset: string,
  paging: { limit?: number; next?: string | undefined },
) => pageRows(table, DatasetVersion, `${partitions.dataset}${dataset}`, { ...paging, prefix: byTime });

export const pageDatasets = (table: string, paging: { limit?: number; next?: string | undefined }) =>
  pageRows(table, DatasetVersion, partitions.datasets, paging);
