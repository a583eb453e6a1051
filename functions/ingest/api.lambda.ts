import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { completeTask, startExecution } from '../executions.ts';
import { sha256 } from '../hash.ts';
import { http, type User } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { findPerson, readGroups } from '../people.ts';
import { Refused } from '../refused.ts';
import { isGoneObject, readObject } from '../storage/object-read.ts';
import { issueUploadCredentials } from '../storage/upload-credentials.ts';
import {
  compareFileLists,
  fileListKey,
  parseFileList,
  sliceList,
  tableShapesKey,
  withTableShapes,
} from './catalogue.ts';
import { createUploadHandlers } from './file-uploads.ts';
import {
  createDeliveryId,
  type DeliveryCommand,
  decideDelivery,
  foreignDataset,
  landingPrefix,
  refuseUnlessUploadable,
} from './ingest.ts';
import { changePartner, pagePartners, readPartner } from './partner-store.ts';
import { agreementProblem, decidePartner } from './partners.ts';
import { ingestRoutes } from './routes.ts';
import { type Delivery, PartnerId, TableShapes } from './schemas.ts';
import { readSshKey } from './ssh-keys.ts';
import type { DeliveryCheck } from './steps.ts';
import {
  changeDelivery,
  createDelivery,
  findDatasetVersion,
  findWithdrawal,
  keepContract,
  pageAllDeliveries,
  pageDatasets,
  pageDatasetVersions,
  pageDeliveries,
  readDatasetOwner,
  readDelivery,
  readDeliveryPartner,
  readDeliveryToken,
} from './store.ts';
import { requireCheckableContract } from './table-contract.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  LISTS_BUCKET: z.string(),
  LANDING_BUCKET: z.string(),
  LANDING_KEY_ARN: z.string(),
  UPLOAD_ROLE_ARN: z.string(),
  REGION: z.string(),
  POOL_ID: z.string(),
  MACHINE_ARN: z.string(),
});
const { TABLE_NAME, LISTS_BUCKET, LANDING_BUCKET, LANDING_KEY_ARN, UPLOAD_ROLE_ARN, REGION, POOL_ID, MACHINE_ARN } =
  env.parse(process.env);
const landing = { bucket: LANDING_BUCKET, key: LANDING_KEY_ARN, role: UPLOAD_ROLE_ARN, region: REGION };

const isStaff = ({ groups }: User) => groups.some(group => group === 'operator' || group === 'steward');

/** Reads a delivery for its own partner or for staff. For everybody else it does not exist. */
async function find(user: User, id: string): Promise<Delivery> {
  const owner = isStaff(user) ? await readDeliveryPartner(TABLE_NAME, id) : user.id;
  const delivery = owner && (await readDelivery(TABLE_NAME, owner, id));
  if (!delivery) throw new Refused('missing', `There is no delivery ${id}, or it is not yours.`);
  return delivery;
}

/** Reads a delivery of its own partner. For everybody else it does not exist. */
async function findOwn(user: User, id: string): Promise<Delivery> {
  const delivery = await readDelivery(TABLE_NAME, user.id, id);
  if (!delivery) throw new Refused('missing', `There is no delivery ${id}, or it is not yours.`);
  return delivery;
}

/** Refuses a partner whose agreement does not allow a delivery to the dataset from this address now. */
async function requireAgreement(user: User, dataset: string, source: string) {
  const record = await readPartner(TABLE_NAME, user.id);
  const problem = agreementProblem(record, { dataset, source, now: currentTime() });
  if (!record || problem !== undefined) throw new Refused('forbidden', problem ?? '');
  return record;
}

async function refuseWithdrawn(dataset: string): Promise<void> {
  const withdrawal = await findWithdrawal(TABLE_NAME, dataset);
  if (withdrawal !== undefined) throw new Refused('conflict', withdrawal);
}

/** Credentials for the uploads of a delivery, for its own partner. */
async function lendAccess(place: { user: User; source: string; params: { delivery: string } }) {
  const { user, source, params } = place;
  const delivery = await findOwn(user, params.delivery);
  refuseUnlessUploadable(delivery);
  const { networks } = await requireAgreement(user, delivery.dataset, source);
  return issueUploadCredentials(landing, landingPrefix(user.id, delivery.id), delivery.id, networks);
}

/** Decides about a delivery for a person, and lets the workflow go on. The workflow reads the decision in the table. */
async function decide({ partner, id }: Pick<Delivery, 'partner' | 'id'>, command: DeliveryCommand): Promise<Delivery> {
  const now = currentTime();
  const { state } = await changeDelivery(TABLE_NAME, partner, id, read => decideDelivery(read, command, now), now);
  const wait = await readDeliveryToken(TABLE_NAME, { partner, id });
  if (wait && 'check' in state && state.check !== wait.check) return state;
  if (wait) await completeTask(wait.token);
  return state;
}

/** Starts another check of the same upload, which needs no result of the malware scan. */
async function checkUnscanned(user: User, id: string, reason: string): Promise<Delivery> {
  const delivery = await find(user, id);
  const previousCheck = 'check' in delivery ? delivery.check : '';
  const check = `${id}-${sha256(`${previousCheck}\nunscanned`).slice(0, 32)}`;
  const state = await decide(delivery, {
    do: 'acceptUnscanned',
    by: { id: user.id, name: user.name },
    reason,
    check,
  });
  if (state.status === 'checking' && state.unscanned) {
    const { partner, manifest, check: next, unscanned } = state;
    const input: DeliveryCheck = {
      partner,
      delivery: id,
      check: next,
      manifest,
      manifestVersion: unscanned.manifestVersion,
    };
    await startExecution(MACHINE_ARN, next, input);
  }
  return state;
}

async function readFileList(dataset: string, version: string) {
  const bytes = await readObject({ bucket: LISTS_BUCKET, key: fileListKey(dataset, version) });
  return parseFileList(Buffer.from(bytes).toString('utf8'));
}

async function readTableShapes(dataset: string, version: string): Promise<TableShapes> {
  try {
    const bytes = await readObject({ bucket: LISTS_BUCKET, key: tableShapesKey(dataset, version) });
    return TableShapes.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (error) {
    if (!isGoneObject(error)) throw error;
    return {};
  }
}

/** What changed between two versions that a person chose. */
async function compareChosen(dataset: string, choices: readonly string[]) {
  const [earlier, laterVersion] = await Promise.all(
    choices.map(async choice => {
      const { version } = await findDatasetVersion(TABLE_NAME, dataset, choice);
      return { files: await readFileList(dataset, version), tables: await readTableShapes(dataset, version) };
    }),
  );
  if (!earlier || !laterVersion) throw new Error('two versions were read');
  return withTableShapes(compareFileLists(earlier.files, laterVersion.files), earlier.tables, laterVersion.tables);
}

/** Reads the list of files of the version that a person chose. */
async function readChosenList(dataset: string, choice: string) {
  const { version } = await findDatasetVersion(TABLE_NAME, dataset, choice);
  return readFileList(dataset, version);
}

/** Deliveries of one partner that are open or being checked, so that one partner cannot take all concurrency. */
const MAX_CURRENT_DELIVERIES = 20;

async function requireRoom(partner: string): Promise<void> {
  const { items } = await pageDeliveries(TABLE_NAME, partner, { limit: 100 });
  const current = items.filter(({ status }) => status === 'open' || status === 'checking');
  if (current.length < MAX_CURRENT_DELIVERIES) return;
  throw new Refused(
    'conflict',
    `You have ${current.length} deliveries that are not finished. Finish one, or cancel one: broch delivery cancel ${current.at(-1)?.id}`,
  );
}

export const handler = http(
  ingestRoutes,
  'ingest',
  {
    openDelivery: async ({ user, source, body: { dataset, existing: mustExist } }) => {
      const now = currentTime();
      await requireAgreement(user, dataset, source);
      await refuseWithdrawn(dataset);
      const owner = await readDatasetOwner(TABLE_NAME, dataset);
      if (owner && owner.partner !== user.id) throw new Refused('forbidden', foreignDataset(dataset));
      if (!owner && mustExist)
        throw new Refused(
          'missing',
          `There is no dataset ${dataset} yet. Correct the name, or deliver without \`existing\` to create it.`,
        );
      await requireRoom(user.id);
      const delivery: Delivery = {
        status: 'open',
        id: createDeliveryId(now, randomInt(2 ** 20)),
        dataset,
        partner: PartnerId.parse(user.id),
        partnerName: user.name,
        openedAt: now,
      };
      if (!(await createDelivery(TABLE_NAME, delivery)))
        throw new Refused(
          'conflict',
          'Two deliveries were opened at the same moment. Try again, with a new Idempotency-Key.',
        );
      return delivery;
    },
    showDelivery: ({ user, params: { delivery } }) => find(user, delivery),
    listDeliveries: ({ user, query }) =>
      isStaff(user) ? pageAllDeliveries(TABLE_NAME, query) : pageDeliveries(TABLE_NAME, user.id, query),
    acceptDelivery: async ({ user, params }) => {
      const delivery = await find(user, params.delivery);
      await refuseWithdrawn(delivery.dataset);
      return decide(delivery, { do: 'accept', by: { id: user.id, name: user.name } });
    },
    acceptUnscanned: ({ user, params, body }) => checkUnscanned(user, params.delivery, body.reason),
    rejectDelivery: async ({ user, params: { delivery }, body: { reason } }) =>
      decide(await find(user, delivery), { do: 'reject', by: { id: user.id, name: user.name }, reason }),
    cancelDelivery: async ({ user, params: { delivery } }) => {
      await findOwn(user, delivery);
      return decide({ partner: user.id, id: delivery }, { do: 'cancel' });
    },
    listReceiptFiles: async ({ user, params: { delivery: id }, query }) => {
      const delivery = await find(user, id);
      if (delivery.status !== 'registered')
        throw new Refused('conflict', `Delivery ${id} is ${delivery.status}. It has a receipt once it is registered.`);
      return sliceList(await readFileList(delivery.dataset, delivery.version), query);
    },
    uploadAccess: lendAccess,
    ...createUploadHandlers(lendAccess),
    registerPartner: async ({ user, params: { name: partnerName }, body: terms }) => {
      const { user: partner, name } = await findPerson(POOL_ID, partnerName);
      if (!(await readGroups(POOL_ID, { id: partner, name })).includes('partner'))
        throw new Refused('conflict', `${name} is no data partner. Add them to the group partner first.`);
      const command = { do: 'register', partner, name, terms, by: { id: user.id, name: user.name } } as const;
      const now = currentTime();
      const { state } = await changePartner(TABLE_NAME, partner, read => decidePartner(read, command, now), now);
      if (!state.record) throw new Error('a record that was just registered is missing');
      return state.record;
    },
    setPartnerKeys: async ({ user, params: { name: partnerName }, body: { keys } }) => {
      const { user: partner, name } = await findPerson(POOL_ID, partnerName);
      const person = { id: user.id, name: user.name };
      const command = { do: 'setKeys', partner, name, keys: keys.map(readSshKey), by: person } as const;
      const now = currentTime();
      const { state } = await changePartner(TABLE_NAME, partner, read => decidePartner(read, command, now), now);
      if (!state.record) throw new Error('a record that was just changed is missing');
      return state.record;
    },
    showPartner: async ({ params: { name } }) => {
      const { user: partner } = await findPerson(POOL_ID, name);
      const record = await readPartner(TABLE_NAME, partner);
      if (!record) throw new Refused('missing', `${name} has no agreement on record.`);
      return record;
    },
    listPartners: ({ query }) => pagePartners(TABLE_NAME, query),
    setContract: async ({ params: { dataset }, body: contract }) => {
      requireCheckableContract(contract);
      await keepContract(TABLE_NAME, dataset, contract);
      return contract;
    },
    listDatasets: ({ query }) => pageDatasets(TABLE_NAME, query),
    listDatasetFiles: async ({ params: { dataset, version }, query }) =>
      sliceList(await readChosenList(dataset, version), query),
    compareVersions: async ({ params: { dataset, version, later: laterVersion }, query }) =>
      sliceList(await compareChosen(dataset, [version, laterVersion]), query),
    listVersions: ({ params: { dataset }, query }) => pageDatasetVersions(TABLE_NAME, dataset, query),
  },
  // None of these routes needs a role in a project.
  { groups: person => readGroups(POOL_ID, person), once: outcomeStore(TABLE_NAME) },
);
