import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { logger, stepHandler } from '../handler.ts';
import { findPerson, readGroups } from '../people.ts';
import { Refused } from '../refused.ts';
import { createDeliveryId } from './ingest.ts';
import type { PartnerRecord } from './partner-schemas.ts';
import { readPartner } from './partner-store.ts';
import { agreementProblem } from './partners.ts';
import { DatasetId, type Delivery } from './schemas.ts';
import { sessionEnd, sftpFolders, sftpPolicy } from './sftp.ts';
import { findWithdrawal, openFolder, readDatasetOwner } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  POOL_ID: z.string(),
  LANDING_BUCKET: z.string(),
  LANDING_KEY_ARN: z.string(),
  SFTP_ROLE_ARN: z.string(),
  REGION: z.string(),
});
const { TABLE_NAME, POOL_ID, LANDING_BUCKET, LANDING_KEY_ARN, SFTP_ROLE_ARN, REGION } = env.parse(process.env);

/** What AWS Transfer Family asks: https://docs.aws.amazon.com/transfer/latest/userguide/custom-lambda-idp.html */
const SignIn = z.object({ username: z.string(), protocol: z.string(), serverId: z.string(), sourceIp: z.string() });

/** The answer. Without a role AWS signs nobody in. With public keys it signs in only who holds one of the private keys. */
interface SftpSession {
  readonly Role: string;
  readonly PublicKeys: readonly string[];
  readonly Policy: string;
  readonly HomeDirectoryType: 'LOGICAL';
  /** JSON as a text, while the keys are an array. */
  readonly HomeDirectoryDetails: string;
}

/** The record of a partner. Refuses a person who may not deliver from this address now. */
async function findPartner(userName: string, source: string, now: string): Promise<PartnerRecord> {
  const { user: partner, name } = await findPerson(POOL_ID, userName);
  if (!(await readGroups(POOL_ID, { id: partner, name })).includes('partner'))
    throw new Refused('forbidden', `${name} is not a data partner.`);
  const record = await readPartner(TABLE_NAME, partner);
  const problem = agreementProblem(record, { source, now });
  if (!record || problem !== undefined) throw new Refused('forbidden', problem ?? '');
  if (record.keys.length === 0) throw new Refused('forbidden', `${name} has no SSH key on record.`);
  return record;
}

/** The delivery in the folder of a dataset; undefined if the partner may not deliver it. */
async function openDatasetFolder(
  { partner, name }: PartnerRecord,
  dataset: string,
  now: string,
): Promise<Delivery | undefined> {
  const owner = await readDatasetOwner(TABLE_NAME, dataset);
  if (owner && owner.partner !== partner) return undefined;
  if ((await findWithdrawal(TABLE_NAME, dataset)) !== undefined) return undefined;
  const id = createDeliveryId(now, randomInt(2 ** 20));
  return openFolder(TABLE_NAME, { status: 'open', id, dataset, partner, partnerName: name, openedAt: now });
}

/** Decides whether a partner may sign in by SFTP, with which keys, and what they see and may do then. */
export const handler = stepHandler(
  SignIn,
  async ({ username, sourceIp }): Promise<SftpSession | Record<string, never>> => {
    const now = currentTime();
    try {
      const record = await findPartner(username, sourceIp, now);
      const { partner, keys, datasets } = record;
      // A pattern such as `visits-*` has no folder.
      const names = datasets.filter(dataset => DatasetId.safeParse(dataset).success);
      const deliveries = await Promise.all(names.map(dataset => openDatasetFolder(record, dataset, now)));
      const place = { bucket: LANDING_BUCKET, partner, key: LANDING_KEY_ARN, region: REGION };
      return {
        Role: SFTP_ROLE_ARN,
        PublicKeys: keys.map(({ key }) => key),
        Policy: sftpPolicy({ ...place, end: sessionEnd(now, record) }),
        HomeDirectoryType: 'LOGICAL',
        HomeDirectoryDetails: JSON.stringify(
          sftpFolders(
            LANDING_BUCKET,
            partner,
            deliveries.flatMap(delivery => delivery ?? []),
          ),
        ),
      };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      logger.warn('sign-in by SFTP refused', { username, sourceIp, reason: error.message });
      return {};
    }
  },
);
