import { GetKeyPolicyCommand, KMSClient, ListGrantsCommand, RevokeGrantCommand } from '@aws-sdk/client-kms';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { Refused } from '../refused.ts';
import { keysOfInputs, type ListedGrant, type ObservedKey } from './key-check.ts';
import type { KeyPolicy } from './key-policy.ts';
import { AUDITOR_ROLE, type EnclaveRun } from './schemas.ts';

const sts = new STSClient({});

/** The role that audits a key: `auditor` is that of our account, and a partner has one of its own. */
export function auditorOf(key: string, auditor: string): string {
  const [, partition = '', , , account = ''] = key.split(':');
  return auditor.split(':')[4] === account ? auditor : `arn:${partition}:iam::${account}:role/${AUDITOR_ROLE}`;
}

/** KMS for a key, as the auditor of its account: policies are not shown across accounts, and ours are read the same way. */
async function openKms(key: string, auditor: string): Promise<KMSClient> {
  const region = key.split(':')[3] ?? '';
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: auditorOf(key, auditor),
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

/** The policy and the grants that a key has now. `auditor` is the role that audits the keys of our account. */
export async function observeKey(key: string, auditor: string): Promise<ObservedKey> {
  try {
    const kms = await openKms(key, auditor);
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

/**
 * Revokes every grant that names a run, on each key that the run decrypts with, so that nobody can use its approvals again.
 * Tries every key, and then throws if one failed.
 */
export async function revokeApprovals(run: EnclaveRun, auditor: string): Promise<void> {
  const outcomes = await Promise.allSettled(keysOfInputs(run).map(key => revokeGrants(key, auditor, run.id)));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

async function revokeGrants(key: string, auditor: string, run: string): Promise<void> {
  const kms = await openKms(key, auditor);
  const grants = await listGrants(kms, key);
  for (const { id } of grants.filter(({ contextEquals }) => contextEquals['broch:run'] === run))
    await kms.send(new RevokeGrantCommand({ KeyId: key, GrantId: id })).catch(error => {
      if (!(error instanceof Error) || !/NotFound/.test(error.name)) throw error;
    });
}
