import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { http, type User } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { Refused } from '../refused.ts';
import { issueUploadCredentials } from '../storage/upload-credentials.ts';
import { createDeliveryId, foreignDataset, landingPrefix, refuseUnlessUploadable } from './ingest.ts';
import { ingestRoutes } from './routes.ts';
import { type Delivery, PartnerId } from './schemas.ts';
import {
  createDelivery,
  pageDatasets,
  pageDatasetVersions,
  pageDeliveries,
  readDatasetOwner,
  readDelivery,
  readDeliveryPartner,
} from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  LANDING_BUCKET: z.string(),
  LANDING_KEY_ARN: z.string(),
  UPLOAD_ROLE_ARN: z.string(),
  REGION: z.string(),
});
const { TABLE_NAME, LANDING_BUCKET, LANDING_KEY_ARN, UPLOAD_ROLE_ARN, REGION } = env.parse(process.env);
const landing = { bucket: LANDING_BUCKET, key: LANDING_KEY_ARN, role: UPLOAD_ROLE_ARN, region: REGION };

/** Reads a delivery for its own partner or for staff. For everybody else it does not exist. */
async function find(user: User, id: string): Promise<Delivery> {
  const staff = user.groups.some(group => group === 'operator' || group === 'steward');
  const owner = staff ? await readDeliveryPartner(TABLE_NAME, id) : user.id;
  const delivery = owner && (await readDelivery(TABLE_NAME, owner, id));
  if (!delivery) throw new Refused('missing', `There is no delivery ${id}, or it is not yours.`);
  return delivery;
}

export const handler = http(
  ingestRoutes,
  'ingest',
  {
    openDelivery: async ({ user, body: { dataset } }) => {
      const at = currentTime();
      const owner = await readDatasetOwner(TABLE_NAME, dataset);
      if (owner && owner.partner !== user.id) throw new Refused('forbidden', foreignDataset(dataset));
      const delivery: Delivery = {
        status: 'open',
        id: createDeliveryId(at, randomInt(2 ** 20)),
        dataset,
        partner: PartnerId.parse(user.id),
        partnerName: user.name,
        openedAt: at,
      };
      if (!(await createDelivery(TABLE_NAME, delivery)))
        throw new Refused('conflict', 'Two deliveries were opened at the same moment. Try again with a new key.');
      return delivery;
    },
    showDelivery: ({ user, params: { delivery } }) => find(user, delivery),
    listDeliveries: ({ user, query }) => pageDeliveries(TABLE_NAME, user.id, query),
    uploadAccess: async ({ user, params: { delivery: id } }) => {
      const delivery = await readDelivery(TABLE_NAME, user.id, id);
      if (!delivery) throw new Refused('missing', `There is no delivery ${id}, or it is not yours.`);
      refuseUnlessUploadable(delivery);
      const prefix = landingPrefix(user.id, id);
      return issueUploadCredentials(landing, prefix, id);
    },
    listDatasets: ({ query }) => pageDatasets(TABLE_NAME, query),
    listVersions: ({ params: { dataset }, query }) => pageDatasetVersions(TABLE_NAME, dataset, query),
  },
  // None of these routes needs a role in a project.
  { roles: async () => [], once: outcomeStore(TABLE_NAME) },
);
