import * as z from 'zod';
import { changeRows } from '../change.ts';
import { DatasetTerms } from '../datasets/schemas.ts';
import type { Decision } from '../decision.ts';
import { outboxRow } from '../events/outbox.ts';
import { partitions, rowKey } from '../keys.ts';
import { lakeWriterKey } from '../lake-writers.ts';
import { Refused } from '../refused.ts';
import { createRow, type Page, pageRows, type Row, type RowWrite, readRow, writeRows } from '../table.ts';
import { DataContract } from './contract-schemas.ts';
import { foreignDataset, isNewerVersion, summariseDelivery, withdrawnDataset } from './ingest.ts';
import { DatasetVersion, Delivery, DeliveryId, DeliverySummary, PartnerId } from './schemas.ts';
import { isFolderOpen } from './sftp.ts';

// A delivery is a row in its partner's partition, so other partners cannot find it. For staff, a pointer by id names the
// partner.
const deliveryKey = (partner: string, id: string) => rowKey('partner', partner, `DELIVERY#${id}`);
const ownerKey = (id: string) => rowKey('delivery', id);
const Owner = z.object({ partner: z.string() });

/** Lists for staff. Held deliveries and those that await approval wait for a person, so their keys sort first in a list that begins with the highest. */
const summaryKey = ({ id, status }: Pick<Delivery, 'id' | 'status'>) =>
  rowKey('deliveries', '', `${status === 'held' || status === 'awaitingApproval' ? 1 : 0}#${id}`);

const versionKey = (dataset: string, version: string) => rowKey('dataset', dataset, `VERSION#${version}`);
/** A second row for each version, for lists in order of time. */
const byTime = 'AT#';
const headKey = (dataset: string) => rowKey('datasets', '', dataset);

const firstRows = (delivery: Delivery): RowWrite[] => [
  { key: ownerKey(delivery.id), read: undefined, item: { partner: delivery.partner } },
  { key: deliveryKey(delivery.partner, delivery.id), read: undefined, item: delivery },
  { key: summaryKey(delivery), item: summariseDelivery(delivery) },
];

/** Writes a new delivery. Returns false if the id exists. */
export const createDelivery = (table: string, delivery: Delivery): Promise<boolean> =>
  writeRows(table, firstRows(delivery));

const folderKey = (partner: string, dataset: string) => rowKey('partner', partner, `SFTP#${dataset}`);
const Folder = z.object({ delivery: DeliveryId });

/**
 * The delivery in a partner's folder for a dataset: the present one if it takes more files, otherwise `fresh`. Two sign-ins at
 * the same moment get the same delivery.
 */
export async function openFolder(table: string, fresh: Delivery): Promise<Delivery> {
  const { partner, dataset } = fresh;
  const key = folderKey(partner, dataset);
  const { delivery } = await changeRows(
    table,
    `the folder ${dataset}`,
    async () => {
      const folder = await readRow(table, Folder, key);
      return { folder, delivery: folder && (await readDelivery(table, partner, folder.delivery)) };
    },
    ({ delivery }) => ({ delivery: delivery && isFolderOpen(delivery) ? delivery : fresh }),
    ({ delivery }, { folder }) =>
      delivery === fresh ? [{ key, read: folder, item: { delivery: fresh.id } }, ...firstRows(fresh)] : [],
  );
  return delivery;
}

export const readDelivery = (table: string, partner: string, id: string): Promise<Row<Delivery> | undefined> =>
  readRow(table, Delivery, deliveryKey(partner, id));

export async function readDeliveryPartner(table: string, id: string): Promise<string | undefined> {
  return (await readRow(table, Owner, ownerKey(id)))?.partner;
}

const tokenKey = (partner: string, id: string) => rowKey('partner', partner, `TOKEN#${id}`);
const DeliveryToken = z.object({ check: z.string(), token: z.string() });

/** The token of the task that waits for a decision about the delivery. It is in no answer: who has it completes the task. */
export const readDeliveryToken = (table: string, { partner, id }: Pick<Delivery, 'partner' | 'id'>) =>
  readRow(table, DeliveryToken, tokenKey(partner, id));

export async function keepDeliveryToken(
  table: string,
  { partner, id }: Pick<Delivery, 'partner' | 'id'>,
  token: z.infer<typeof DeliveryToken>,
): Promise<void> {
  await writeRows(table, [{ key: tokenKey(partner, id), item: token }]);
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
      ...(state === read ? [] : deliveryWrites(read, state)),
      ...(events.length > 0 ? [outboxRow(key.pk, events, now)] : []),
    ],
  );
}

function deliveryWrites(previous: Row<Delivery>, delivery: Delivery): RowWrite[] {
  const [previousKey, nextKey] = [summaryKey(previous), summaryKey(delivery)];
  return [
    { key: deliveryKey(delivery.partner, delivery.id), read: previous, item: delivery },
    { key: nextKey, item: summariseDelivery(delivery) },
    ...(previousKey.sk === nextKey.sk ? [] : [{ key: previousKey, gone: true } as const]),
  ];
}

/** Deliveries of all partners: held ones first, then the newest. */
export const pageAllDeliveries = (
  table: string,
  paging: { limit?: number; next?: string | undefined },
): Promise<Page<Row<DeliverySummary>>> => pageRows(table, DeliverySummary, partitions.deliveries, paging);

/** The deliveries of one partner, the newest first. */
export async function pageDeliveries(
  table: string,
  partner: string,
  paging: { limit?: number; next?: string | undefined },
): Promise<Page<DeliverySummary>> {
  const { pk } = deliveryKey(partner, '');
  const { items, next } = await pageRows(table, Delivery, pk, { ...paging, prefix: 'DELIVERY#' });
  return { items: items.map(summariseDelivery), next };
}

export const readDatasetVersion = (table: string, dataset: string, version: string) =>
  readRow(table, DatasetVersion, versionKey(dataset, version));

/** The newest version of a dataset, if it has one. */
export const findNewestVersion = (table: string, dataset: string) => readRow(table, DatasetVersion, headKey(dataset));

/** The version that a person chose: `latest`, or the first characters of its name. Refuses unless it is exactly one. */
export async function findDatasetVersion(table: string, dataset: string, choice: string): Promise<DatasetVersion> {
  if (choice === 'latest') {
    const head = await findNewestVersion(table, dataset);
    if (head) return head;
    throw new Refused('missing', `There is no dataset ${dataset}. \`broch dataset list\` shows those there are.`);
  }
  const { sk } = versionKey(dataset, choice);
  const { items } = await pageRows(table, DatasetVersion, versionKey(dataset, '').pk, { limit: 2, prefix: sk });
  const [version] = items;
  if (!version) throw new Refused('missing', `The dataset ${dataset} has no version ${choice}.`);
  if (items.length > 1)
    throw new Refused(
      'conflict',
      `Several versions of ${dataset} begin with ${choice}. Give more characters of the name.`,
    );
  return version;
}

const DatasetOwner = z.object({ partner: PartnerId, partnerName: z.string(), since: z.iso.datetime() });
const datasetOwnerKey = (dataset: string) => rowKey('dataset', dataset, 'OWNER');

/** The partner who delivered the first version of the dataset; undefined before that. */
export const readDatasetOwner = (table: string, dataset: string) =>
  readRow(table, DatasetOwner, datasetOwnerKey(dataset));

const termsKey = (dataset: string) => rowKey('terms', dataset);

/** Why nothing can be delivered to the dataset; undefined if it was not withdrawn. */
export async function findWithdrawal(table: string, dataset: string): Promise<string | undefined> {
  const terms = await readRow(table, DatasetTerms.pick({ withdrawn: true }), termsKey(dataset));
  return terms?.withdrawn && withdrawnDataset(dataset, terms.withdrawn.at);
}

const contractRowKey = (dataset: string) => rowKey('dataset', dataset, 'CONTRACT');

/** A row also has its key and its revision, which a contract from outside may not have. */
const ContractRow = z.object(DataContract.shape);

/** What the tables of the dataset must look like; undefined if nothing was agreed. */
export async function readContract(table: string, dataset: string): Promise<DataContract | undefined> {
  const row = await readRow(table, ContractRow, contractRowKey(dataset));
  return row && { resources: row.resources };
}

export async function keepContract(table: string, dataset: string, contract: DataContract): Promise<void> {
  await writeRows(table, [{ key: contractRowKey(dataset), item: contract }]);
}

/** Makes the dataset belong to the partner of its first version. Refuses if it belongs to another. */
export async function claimDataset(
  table: string,
  { dataset, partner, partnerName }: Pick<Delivery, 'dataset' | 'partner' | 'partnerName'>,
  now: string,
): Promise<void> {
  if (await createRow(table, datasetOwnerKey(dataset), { partner, partnerName, since: now })) return;
  const owner = await readDatasetOwner(table, dataset);
  if (owner?.partner !== partner) throw new Refused('forbidden', foreignDataset(dataset));
}

/** What a registration reads: the delivery, the version as first registered, if it was, and whether the dataset is withdrawn. */
interface Registration {
  readonly delivery: Delivery;
  readonly first: DatasetVersion | undefined;
  /** Why nothing can be delivered to the dataset. */
  readonly withdrawal: string | undefined;
}

/**
 * Decides about a delivery whose files are in the lake, and writes it together with its version. The same transaction asks
 * whether the dataset is withdrawn, so a withdrawal comes before the registration or after it.
 */
export function registerDelivery(
  table: string,
  { partner, id, check }: { partner: string; id: string; check: string },
  version: DatasetVersion,
  decide: (read: Registration) => Decision<Delivery>,
  now: string,
): Promise<Decision<Delivery>> {
  const { dataset } = version;
  return changeRows(
    table,
    `delivery ${id}`,
    async () => {
      const [delivery, first, head, withdrawal] = await Promise.all([
        readDelivery(table, partner, id),
        readDatasetVersion(table, dataset, version.version),
        findNewestVersion(table, dataset),
        findWithdrawal(table, dataset),
      ]);
      if (!delivery) throw new Error(`there is no delivery ${id}`);
      return { delivery, first, head, withdrawal };
    },
    decide,
    ({ state, events }, { delivery, first, head }) => [
      ...(state === delivery ? [] : deliveryWrites(delivery, state)),
      ...(state.status === 'registered' && state !== delivery
        ? [{ key: termsKey(dataset), without: 'withdrawn' } as const, ...(first ? [] : versionWrites(version, head))]
        : []),
      ...(events.length > 0 ? [outboxRow(deliveryKey(partner, id).pk, events, now)] : []),
      { key: lakeWriterKey(dataset, check), gone: true as const },
    ],
  );
}

const versionWrites = (version: DatasetVersion, head: Row<DatasetVersion> | undefined): RowWrite[] => [
  { key: versionKey(version.dataset, version.version), item: version, read: undefined },
  { key: rowKey('dataset', version.dataset, `${byTime}${version.registeredAt}#${version.version}`), item: version },
  ...(isNewerVersion(head, version) ? [{ key: headKey(version.dataset), item: version, read: head }] : []),
];

/** The versions of a dataset, newest first. Refuses an unknown dataset. */
export async function pageDatasetVersions(
  table: string,
  dataset: string,
  paging: { limit?: number; next?: string | undefined },
): Promise<Page<Row<DatasetVersion>>> {
  const page = await pageRows(table, DatasetVersion, versionKey(dataset, '').pk, { ...paging, prefix: byTime });
  if (page.items.length === 0) await findDatasetVersion(table, dataset, 'latest');
  return page;
}

/** The newest version of each dataset, by name. */
export const pageDatasets = (table: string, paging: { limit?: number; next?: string | undefined }) =>
  pageRows(table, DatasetVersion, partitions.datasets, { ...paging, ascending: true });
