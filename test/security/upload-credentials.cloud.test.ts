import { createHash } from 'node:crypto';
import { EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProjectNetwork } from '../../functions/projects/schemas.ts';
import { pollUntilAnswer, signInNewUser } from '../api/caller.ts';
import { connectTestCloud } from '../cloud.ts';
import { areTrialsComplete } from '../trials.ts';
import { assumeAnyRole, createAttackers } from './attacker.ts';
import type { AttackAttempt, AttackClients, StolenCredentials } from './attempts.ts';
import { readDeployedRole } from './deployed.ts';

// Credentials that leave our hands: those of an upload, and those that a desktop's instance has.
const cloud = connectTestCloud();
const count = { thieves: 0, tries: 0, denied: 0 };
let thief: Awaited<ReturnType<typeof createAttackers>>;
let [ownProject, otherProject]: [ProjectNetwork, ProjectNetwork] = [{} as ProjectNetwork, {} as ProjectNetwork];
let lent: StolenCredentials & { bucket: string; prefix: string };
let brought: StolenCredentials & { bucket: string; prefix: string };
let [instance, role] = ['', ''];

beforeAll(async () => {
  const [olga, pia, rana] = await Promise.all([
    signInNewUser(cloud, 'sec-olga', 'operator'),
    signInNewUser(cloud, 'sec-pia', 'partner'),
    signInNewUser(cloud, 'sec-rana', 'researcher'),
  ]);
  const project = async (id: string): Promise<ProjectNetwork> => {
    await olga.write('POST', '/projects', { id, title: 'Stolen' });
    const { body } = await pollUntilAnswer(
      () => olga.ask('GET', `/projects/${id}`),
      ({ body }) => !['requested', 'provisioning'].includes(body.status),
    );
    expect(body.status).toBe('ready');
    return body.network;
  };
  [ownProject, otherProject] = await Promise.all([project('sec-own'), project('sec-other')]);
  const { body } = await pia.write('POST', '/deliveries', { dataset: 'sec-lent' });
  ({ body: lent } = await pia.ask('POST', `/deliveries/${body.id}/access`));
  await olga.write('PUT', '/projects/sec-own/members/sec-rana', { roles: ['researcher'] });
  const groups = [{ name: 'all', kind: 'supporting', purpose: 'reference', paths: ['**'] }];
  const importDraft = { title: 'Codes', direction: 'import', groups };
  const { body: draft } = await rana.write('POST', '/projects/sec-own/airlock', importDraft);
  ({ body: brought } = await rana.ask('POST', `/projects/sec-own/airlock/${draft.id}/access`));
  const { Instances = [] } = await new EC2Client(cloud.configuration).send(
    new RunInstancesCommand({
      ImageId: 'ami-0a0a0a0a0a0a0a0a0',
      MinCount: 1,
      MaxCount: 1,
      SubnetId: ownProject.subnetIds[0],
    }),
  );
  instance = Instances[0]?.InstanceId ?? '';
  role = `arn:aws:iam::${cloud.account}:role/broch/${ownProject.instanceProfile}`;
  thief = await createAttackers(cloud, [ownProject.keyArn, otherProject.keyArn]);
});

afterAll(() => {
  thief?.close();
  console.log(`lent credentials: ${count.tries} tries, ${count.denied} denied`);
});

const write = ({ s3 }: AttackClients, Bucket: string, Key: string): AttackAttempt => ({
  name: `write ${Bucket}/${Key}`,
  run: () => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' })),
});
/** A write under a key of the writer's own, whose content nobody else could read or check. */
const writeUnderOwnKey = ({ s3 }: AttackClients, Bucket: string, Key: string): AttackAttempt => ({
  name: `write ${Bucket}/${Key} under a key of one's own`,
  run: () =>
    s3.send(
      new PutObjectCommand({
        Bucket,
        Key,
        Body: 'x',
        SSECustomerAlgorithm: 'AES256',
        SSECustomerKey: Buffer.alloc(32, 7).toString('base64'),
        SSECustomerKeyMD5: createHash('md5').update(Buffer.alloc(32, 7)).digest('base64'),
      }),
    ),
});
const read = ({ s3 }: AttackClients, Bucket: string, Key: string): AttackAttempt => ({
  name: `read ${Bucket}/${Key}`,
  run: () => s3.send(new GetObjectCommand({ Bucket, Key })),
});
const remove = ({ s3 }: AttackClients, Bucket: string, Key: string): AttackAttempt => ({
  name: `remove ${Bucket}/${Key}`,
  run: () => s3.send(new DeleteObjectCommand({ Bucket, Key })),
});
const look = ({ s3 }: AttackClients, Bucket: string, Prefix: string): AttackAttempt => ({
  name: `list ${Bucket}/${Prefix}`,
  run: () => s3.send(new ListObjectsV2Command({ Bucket, Prefix })),
});

/**
 * Expects that credentials open nothing. In a sample, all that a statement of their role might allow is tried, what no
 * credentials before them have tried, and a twelfth of the rest.
 */
async function nothingOpen(credentials: StolenCredentials, arn: string, extras: readonly AttackAttempt[]) {
  const { statements } = await readDeployedRole(
    cloud,
    arn.replace(/:sts:(.*):assumed-role\/(.*)\/.*/, ':iam:$1:role/$2'),
  );
  const part = { index: count.thieves++, shares: 12, likelyShares: 1, statements };
  const { tries, open } = await thief.steal(credentials, arn, { extras, ...(!areTrialsComplete && { part }) });
  count.tries += tries.length;
  count.denied += tries.length - open.length;
  expect(open).toEqual([]);
}

describe('the credentials of an upload', () => {
  it('can write the files of their delivery, and reach nothing else', async () => {
    const clients = thief.clientsUnder(lent);
    await write(clients, lent.bucket, `${lent.prefix}x.csv`).run();
    const { Arn = '' } = await clients.sts.send(new GetCallerIdentityCommand({}));
    await nothingOpen(lent, Arn, [
      writeUnderOwnKey(clients, lent.bucket, `${lent.prefix}y.csv`),
      read(clients, lent.bucket, `${lent.prefix}x.csv`),
      write(clients, lent.bucket, 'in/somebody/dl-0011223344556677/x.csv'),
      look(clients, lent.bucket, 'in/'),
      write(clients, cloud.outputs['data.Lake'] ?? '', 'datasets/x'),
      read(clients, ownProject.bucket, 'data/x'),
      write(clients, ownProject.bucket, 'data/x'),
    ]);
  });
});

describe('the credentials of an import', () => {
  it('can write the files of their upload, and reach nothing else', async () => {
    const clients = thief.clientsUnder(brought);
    await write(clients, brought.bucket, `${brought.prefix}x.csv`).run();
    const { Arn = '' } = await clients.sts.send(new GetCallerIdentityCommand({}));
    await nothingOpen(brought, Arn, [
      writeUnderOwnKey(clients, brought.bucket, `${brought.prefix}y.csv`),
      read(clients, brought.bucket, `${brought.prefix}x.csv`),
      write(clients, brought.bucket, 'uploads/al-0011223344556677/x.csv'),
      look(clients, brought.bucket, 'uploads/'),
      write(clients, ownProject.bucket, 'data/imports/x'),
      write(clients, cloud.outputs['data.Sealed'] ?? '', `requests/${brought.prefix.split('/')[1]}/1/files/x`),
    ]);
  });
});

describe('the credentials of an instance', () => {
  it('reach the data and the reports of their project from its network, and nothing else', async () => {
    const credentials = await assumeAnyRole(cloud, role, instance);
    const clients = thief.clientsUnder(credentials);
    const { UserId } = await clients.sts.send(new GetCallerIdentityCommand({}));
    for (const { run } of [
      write(clients, ownProject.bucket, 'data/x'),
      read(clients, ownProject.bucket, 'data/x'),
      look(clients, ownProject.bucket, 'data/'),
      write(clients, ownProject.bucket, `agents/${UserId}/ready.json`),
    ])
      await run();
    await nothingOpen(credentials, role, [
      writeUnderOwnKey(clients, ownProject.bucket, 'data/y'),
      read(clients, ownProject.bucket, `agents/${UserId}/ready.json`),
      // What the airlock let in is only read.
      write(clients, ownProject.bucket, 'data/imports/al-0011223344556677/x'),
      remove(clients, ownProject.bucket, 'data/imports/al-0011223344556677/x'),
      write(clients, ownProject.bucket, `agents/${UserId?.split(':')[0]}:i-0a0a0a0a0a0a0a0a0/ready.json`),
      look(clients, ownProject.bucket, 'agents/'),
      ...[otherProject.bucket, lent.bucket, cloud.outputs['data.Lake'] ?? ''].flatMap(bucket => [
        read(clients, bucket, 'data/x'),
        write(clients, bucket, 'data/x'),
        look(clients, bucket, 'data/'),
      ]),
    ]);
  });

  it('reach nothing from outside the network of their project', async () => {
    const credentials = await assumeAnyRole(cloud, role);
    const clients = thief.clientsUnder(credentials);
    await nothingOpen(credentials, role, [
      read(clients, ownProject.bucket, 'data/x'),
      write(clients, ownProject.bucket, 'data/x'),
      look(clients, ownProject.bucket, 'data/'),
    ]);
  });
});
