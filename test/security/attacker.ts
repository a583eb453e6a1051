import { Agent } from 'node:https';
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { CreateKeyCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { partitions } from '../../functions/keys.ts';
import type { connectTestCloud } from '../cloud.ts';
import {
  type AttackAttempt,
  type AttackClients,
  attackBucket,
  attackBus,
  attackFunction,
  attackKey,
  attackPartition,
  attackPrivileges,
  attackQueue,
  attackRole,
  attackSecret,
  attackStateMachine,
  attackTableScan,
  createAttackClients,
  type StolenCredentials,
} from './attempts.ts';
import { listAttackTargets, type RoleStatement, readDeployedStacks, runInParallel, toArray } from './deployed.ts';

type Cloud = ReturnType<typeof connectTestCloud>;

/** How AWS says no. Anything else, also an error of another kind, counts as a way in. */
const denials = ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation'];

/** Somebody with stolen credentials, in an account that also holds things that have nothing to do with Broch. */
export async function createAttackers(cloud: Cloud, moreKeys: readonly string[] = []) {
  const { configuration, account, region, outputs } = cloud;
  const estate = await readDeployedStacks(cloud);
  const s3 = new S3Client(configuration);
  const dynamo = new DynamoDBClient(configuration);
  const kms = new KMSClient(configuration);
  const tag = Math.random().toString(36).slice(2, 8);
  await s3.send(
    new CreateBucketCommand({
      Bucket: `sec-elses-${tag}`,
      CreateBucketConfiguration: { LocationConstraint: 'eu-west-2' },
    }),
  );
  await dynamo.send(
    new CreateTableCommand({
      TableName: `sec-elses-${tag}`,
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: ['pk', 'sk'].map(AttributeName => ({ AttributeName, AttributeType: 'S' })),
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'of somebody else' }));
  await new SecretsManagerClient(configuration).send(
    new CreateSecretCommand({ Name: `sec-elses-${tag}`, SecretString: 'x' }),
  );
  const targets = await listAttackTargets(cloud, estate);
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  const buckets = Buckets.map(({ Name = '' }) => Name);
  const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}));
  const keys = await Promise.all(
    [...targets.key.map(({ arn }) => arn), ...moreKeys, KeyMetadata?.Arn ?? ''].map(async KeyId => {
      const seal = async (EncryptionContext?: Record<string, string>) => {
        const input = { KeyId, Plaintext: Buffer.from('x'), ...(EncryptionContext && { EncryptionContext }) };
        const ciphertext = await kms.send(new EncryptCommand(input)).catch(error => {
          // A key that signs seals nothing; whoever may not use it is to hear just that.
          if (error.name !== 'UnsupportedOperationException') throw error;
          return { CiphertextBlob: Buffer.alloc(100) };
        });
        return ciphertext.CiphertextBlob ?? new Uint8Array();
      };
      return { KeyId, sealed: { bare: await seal(), bound: await seal({ workspace: 'sec-none' }) } };
    }),
  );
  const worth = ['deploy', 'cfn-exec', 'file-publishing', 'lookup'].map(
    name => `arn:aws:iam::${account}:role/cdk-hnb659fds-${name}-role-${account}-${region}`,
  );
  const roles = [...worth, ...targets.role.map(({ arn }) => arn).filter(arn => /Upload|Builder|Starter|Api/.test(arn))];
  const leadings = Object.values(partitions).map(name => (name.endsWith('#') ? `${name}*` : name));
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });

  const clientsUnder = (credentials: StolenCredentials) => createAttackClients({ configuration, agent }, credentials);

  /** All that there is to try. */
  function tries(clients: AttackClients, ownRole: string): AttackAttempt[] {
    return [
      ...buckets.flatMap(name => attackBucket(clients, name)),
      ...TableNames.flatMap(name => [
        attackTableScan(clients, name),
        ...[...leadings, 'SEC-NONE'].flatMap(leading => attackPartition(clients, name, leading)),
      ]),
      ...keys.flatMap(({ KeyId, sealed: ciphertexts }) => attackKey(clients, KeyId, ciphertexts)),
      ...targets.secret.map(({ arn }) => attackSecret(clients, arn)),
      ...targets.machine.flatMap(({ arn }) => attackStateMachine(clients, arn)),
      ...targets.function.flatMap(({ name, arn }) => attackFunction(clients, name, arn)),
      ...targets.queue.flatMap(({ name, arn }) => attackQueue(clients, name, arn)),
      ...[...targets.bus.map(({ name }) => name), 'default'].map(name => attackBus(clients, name)),
      ...roles.filter(arn => arn !== ownRole).map(arn => attackRole(clients, arn)),
      ...attackPrivileges(clients, ownRole, outputs['data.Pool'] ?? ''),
    ];
  }

  const tried = new Set<string>();

  return {
    estate,
    clientsUnder,
    /**
     * Tries everything that `names` doesn't name, and returns what was not denied. With `part`, a thief makes a sample of the
     * tries: the extras, those that no thief before it made, one in `likelyShares` of those that only a condition of its
     * role's policy can deny or whose right is not named, and one in `shares` of the rest.
     */
    async steal(
      credentials: StolenCredentials,
      ownRole: string,
      {
        names = new Set(),
        extras = [],
        part,
      }: {
        names?: ReadonlySet<string>;
        extras?: readonly AttackAttempt[];
        part?: {
          readonly index: number;
          readonly shares: number;
          readonly likelyShares: number;
          readonly statements: readonly RoleStatement[];
        };
      },
    ) {
      const open: string[] = [];
      const attempts = [...extras, ...tries(clientsUnder(credentials), ownRole)]
        .map((attempt, index) => ({ ...attempt, index }))
        .filter(({ target }) => target === undefined || !names.has(target));
      const selection = attempts.filter(
        ({ name, right, index }) =>
          !part ||
          index < extras.length ||
          !tried.has(name) ||
          index % part.shares === part.index % part.shares ||
          (index % part.likelyShares === part.index % part.likelyShares &&
            (!right || part.statements.some(mightAllow(right)))),
      );
      for (const { name } of selection) tried.add(name);
      await runInParallel(selection, 16, async ({ name, run }) => {
        const error = await attempt(run);
        if (error === undefined) open.push(name);
        else if (!denials.includes(error.name)) open.push(`${name}: ${error.name} ${error.message}`);
      });
      return { attempts: attempts.map(({ name }) => name), tries: selection.map(({ name }) => name), open };
    },
    close: () => agent.destroy(),
  };
}

const patterns = new Map<string, RegExp>();
function matchesPattern(pattern: string, value: string): boolean {
  const expression =
    patterns.get(pattern) ??
    new RegExp(`^${pattern.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&').replaceAll('*', '.*')}$`, 's');
  patterns.set(pattern, expression);
  return expression.test(value);
}

/** Whether a statement allows this, whatever its conditions ask besides the partition. */
const mightAllow =
  ({ action, resource, partition }: NonNullable<AttackAttempt['right']>) =>
  ({ Action, Resource, Condition }: RoleStatement) => {
    const leadingKeys = Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'];
    if (partition !== undefined && leadingKeys !== undefined)
      if (!toArray(leadingKeys).some(pattern => matchesPattern(pattern, partition))) return false;
    return (
      toArray(Action).some(pattern => matchesPattern(pattern, action)) &&
      toArray(Resource).some(pattern => matchesPattern(pattern, resource) || matchesPattern(resource, pattern))
    );
  };

/** The error that the call was answered with. A call without an answer, as on a closed connection, is made again. */
async function attempt(run: AttackAttempt['run']): Promise<Error | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      await run();
      return undefined;
    } catch (error) {
      const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
      if ($metadata?.httpStatusCode !== undefined || tries === 10) return error as Error;
    }
  }
}

/** A session of a role, which on the embedded cloud its root may have of any. */
export async function assumeAnyRole({ configuration }: Cloud, RoleArn: string, RoleSessionName = 'sec-thief') {
  const { Credentials } = await new STSClient(configuration).send(new AssumeRoleCommand({ RoleArn, RoleSessionName }));
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}
