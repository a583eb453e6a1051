import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateKeyCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { buildKeyPolicy } from '../../functions/enclaves/key-policy.ts';
import { buildOutputsPolicy } from '../../functions/enclaves/outputs-policy.ts';
import type { ArchiveFile } from '../../functions/enclaves/pack/archive.ts';
import { type PackHeader, type PackResult, packFiles } from '../../functions/enclaves/pack/pack.ts';
import { bindKeys, findGrantee, grantRun, revokeRun } from '../../functions/enclaves/party-approval.ts';
import { AUDITOR_ROLE, type RunParty } from '../../functions/enclaves/schemas.ts';
import type { CloudFacts } from '../deployed-cloud.ts';
import { type ClientCredentials, clientConfigFor, rootCredentialsFor } from '../roles.ts';
import type { EnclaveStage } from './play-parents.ts';

/** A file of a party, packed with its key. */
export interface PackedFile {
  readonly packed: Uint8Array;
  readonly sha256: string;
  readonly bytes: number;
  readonly kmsKey: string;
  readonly header: PackHeader;
}

/** A party with a key of its own, and the role that packs with it and approves runs. */
export interface EnclaveParty {
  readonly key: string;
  pack(name: string, files: readonly ArchiveFile[]): Promise<PackedFile>;
  /** What the party gives to `broch enclave approve`. */
  approve(
    run: { id: string; digest: string },
    files: readonly PackedFile[],
  ): Promise<{ grant: string; keys: Record<string, string> }>;
  /** Takes the approval of a run back. */
  revoke(run: { id: string }): Promise<void>;
  /** With which the party calls KMS. */
  readonly credentials: ClientCredentials;
}

const document = (Statement: unknown) => JSON.stringify({ Version: '2012-10-17', Statement });

export const fileOf = (path: string, content: Uint8Array, isExecutable = false): ArchiveFile => ({
  path,
  size: content.length,
  isExecutable,
  async *read() {
    yield content;
  },
});

async function openRole(facts: CloudFacts, name: string): Promise<{ arn: string; credentials: ClientCredentials }> {
  const root = clientConfigFor(facts, rootCredentialsFor(facts.account));
  const [iam, sts] = [new IAMClient(root), new STSClient(root)];
  const trust = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${facts.account}:root` }, Action: 'sts:AssumeRole' };
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: document(trust) }));
  const Action = ['kms:CreateGrant', 'kms:GetKeyPolicy', 'kms:ListGrants', 'kms:RevokeGrant'];
  const rights = { Effect: 'Allow', Action, Resource: '*' };
  await iam.send(
    new PutRolePolicyCommand({ RoleName: name, PolicyName: 'grants', PolicyDocument: document([rights]) }),
  );
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'party' }));
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  return {
    arn: Role?.Arn ?? '',
    credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
  };
}

async function createKey(facts: CloudFacts, policy: object): Promise<string> {
  const kms = new KMSClient(clientConfigFor(facts, rootCredentialsFor(facts.account)));
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Policy: JSON.stringify(policy) }));
  return KeyMetadata?.Arn ?? '';
}

const roleIn = ({ account }: CloudFacts, name: string) => `arn:aws:iam::${account}:role/${name}`;

/** The data owner's key for outputs, which only the function that opens outputs decrypts with. */
export const createOutputsKey = (facts: CloudFacts, { measurements }: EnclaveStage, parentRole: string) =>
  createKey(
    facts,
    buildOutputsPolicy({
      adminRole: roleIn(facts, 'key-admin'),
      auditorRole: facts.outputs['enclaves.AuditorRole'] ?? '',
      openerRole: facts.outputs['enclaves.OpenerRole'] ?? '',
      parentRole,
      pcr0: [measurements.pcr0],
    }),
  );

/** The role that reads the policy of a key before each run: the operator's, or in another account that of the party. */
async function findAuditor(facts: CloudFacts, home: CloudFacts): Promise<string> {
  if (home.account === facts.account) return facts.outputs['enclaves.AuditorRole'] ?? '';
  const RoleName = AUDITOR_ROLE;
  const iam = new IAMClient(clientConfigFor(home, rootCredentialsFor(home.account)));
  const trust = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${facts.account}:root` }, Action: 'sts:AssumeRole' };
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: document(trust) }));
  const Action = ['kms:GetKeyPolicy', 'kms:ListGrants', 'kms:RevokeGrant'];
  const rights = { Effect: 'Allow', Action, Resource: '*' };
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'audit', PolicyDocument: document([rights]) }));
  iam.destroy();
  return Role?.Arn ?? '';
}

/** Makes a party as it would make itself, in an account of its own if one is given: a role, a key with the policy of `broch enclave keys`. */
export async function createParty(
  facts: CloudFacts,
  stage: EnclaveStage,
  { name, parentRole, account = facts.account }: { name: RunParty | string; parentRole: string; account?: string },
): Promise<EnclaveParty> {
  const home = { ...facts, account };
  const { kms: front, measurements } = stage;
  const role = await openRole(home, `enclave-${name}-approver`);
  front.upstream.sessions.set(role.credentials.accessKeyId, {
    secretAccessKey: role.credentials.secretAccessKey,
    principal: role.arn,
  });
  const key = await createKey(
    home,
    buildKeyPolicy({
      adminRole: roleIn(home, 'key-admin'),
      approverRole: role.arn,
      auditorRole: await findAuditor(facts, home),
      parentRole,
      pcr0: [measurements.pcr0],
    }),
  );
  const { region } = facts;
  const kms = new KMSClient({
    region,
    endpoint: front.endpoint,
    credentials: role.credentials,
    requestHandler: { httpsAgent: { ca: front.root } },
  });
  return {
    key,
    async pack(label, files) {
      const context = { 'broch:pack': label };
      const { Plaintext, CiphertextBlob } = await kms.send(
        new GenerateDataKeyCommand({ KeyId: key, KeySpec: 'AES_256', EncryptionContext: context }),
      );
      const wrappedKey = Buffer.from(CiphertextBlob ?? []).toString('base64');
      const dataKey = { plaintext: Plaintext ?? new Uint8Array(), wrappedKey };
      const chunks: Uint8Array[] = [];
      let result: PackResult | undefined;
      const packing = packFiles(files, { kmsKey: key, context }, dataKey, value => {
        result = value;
      });
      for await (const chunk of packing) chunks.push(chunk);
      if (!result) throw new Error('a pack has no result');
      const { sha256, bytes } = result;
      const header = { format: 'broch-pack-1', kmsKey: key, wrappedKey, context } as const;
      return { packed: Buffer.concat(chunks), sha256, bytes, kmsKey: key, header };
    },
    approve: async (run, files) => ({
      grant: await grantRun(kms, key, run, (await findGrantee(kms, key)) ?? ''),
      keys: await bindKeys(kms, run, files),
    }),
    async revoke({ id }) {
      await revokeRun(kms, key, id);
    },
    credentials: role.credentials,
  };
}
