import { GetKeyPolicyCommand, KMSClient, ListGrantsCommand, RetireGrantCommand } from '@aws-sdk/client-kms';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { Refused } from '../refused.ts';
import type { ListedGrant, ObservedKey } from './key-check.ts';
import type { KeyPolicy } from './key-policy.ts';
import { AUDITOR_ROLE } from './schemas.ts';

const sts = new STSClient({});
const partsOf = (arn: string) => {
  const [, partition = '', , region = '', account = ''] = arn.split(':');
  return { partition, region, account };
};

/** KMS for a key: as ourselves for a key of our account, or as its account's auditor, because policies are not read across. */
async function openKms(key: string, account: string): Promise<KMSClient> {
  const { partition, region, account: owner } = partsOf(key);
  if (owner === account) return new KMSClient({ region });
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: `arn:${partition}:iam::${owner}:role/${AUDITOR_ROLE}`,
      RoleSessionName: 'broch-key-check',
      DurationSeconds: 900,
    }),
  );
  const { AccessKeyId, SecretAccessKey, SessionToken } = Credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken) throw new Error('STS gave no session');
  return new KMSClient({
    region,
    credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
  });
}

async function listGrants(kms: KMSClient, key: string): Promise<ListedGrant[]> {
  const grants: ListedGrant[] = [];
  let Marker: string | undefined;
  do {
    const page = await kms.send(new ListGrantsCommand({ KeyId: key, ...(Marker && { Marker }) }));
    for (const { GrantId = '', GranteePrincipal = '', Operations = [], Constraints } of page.Grants ?? [])
      grants.push({
        id: GrantId,
        grantee: GranteePrincipal,
        operations: Operations,
        contextEquals: Constraints?.EncryptionContextEquals ?? {},
      });
    Marker = page.NextMarker;
  } while (Marker);
  return grants;
}

/** The policy and the grants that a key has now. */
export async function observeKey(key: string, account: string): Promise<ObservedKey> {
  try {
    const kms = await openKms(key, account);
    const { Policy = '' } = await kms.send(new GetKeyPolicyCommand({ KeyId: key, PolicyName: 'default' }));
    return { policy: JSON.parse(Policy) as KeyPolicy, grants: await listGrants(kms, key) };
  } catch (error) {
    if (!(error instanceof Error) || !/AccessDenied|NotFound/.test(error.name)) throw error;
    throw new Refused(
      'conflict',
      `The policy of the key ${key} cannot be read (${error.name}). Its owner's policy must name the role that reads it: broch enclave keys.`,
    );
  }
}

/** Retires the grants of a run. They name us as the one who may, so that nothing is left of an approval that was used. */
export async function retireGrant(key: string, grant: string): Promise<void> {
  await new KMSClient({ region: partsOf(key).region })
    .send(new RetireGrantCommand({ KeyId: key, GrantId: grant }))
    .catch(error => {
      if (!(error instanceof Error) || !/NotFound/.test(error.name)) throw error;
    });
}
