import {
  AdminAddUserToGroupCommand,
  AdminDisableUserCommand,
  AdminRemoveUserFromGroupCommand,
  CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import { DynamoDBClient, ListTablesCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { PutBucketVersioningCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  ExecutionDoesNotExist,
  GetExecutionHistoryCommand,
  ListStateMachinesCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { beforeAll } from 'vitest';
import type { ApiClient, RetryPolicy } from '../../bin/cli/call.ts';
import type { Status } from '../../functions/airlock/request/request.ts';
import type { UserGroup } from '../../functions/http/route.ts';
import { type RowKey, rowKey } from '../../functions/keys.ts';
import { connectTestCloud } from '../cloud.ts';
import { signInNewPerson } from '../ingest/partner.ts';
import { pauseSince } from '../pause.ts';
import { makeReadyProject, openTestTable } from '../workspaces/harness.ts';
import { type CastName, castMember } from './cast.ts';

type Cloud = ReturnType<typeof connectTestCloud>;
export type TestUser = ApiClient & { readonly id: string; readonly name: string };
/** Who signed in by themselves; `again` signs them in once more, with the groups they have by then. */
export type EnrolledUser = TestUser & { again(): Promise<ApiClient> };

export async function enrolTestUser(
  cloud: Cloud,
  name: string,
  group: UserGroup,
  patience?: RetryPolicy,
): Promise<EnrolledUser> {
  const api = await signInNewPerson(cloud, name, group, patience);
  const me = await api.ask('showMe');
  return { ...api, id: me.id, name: me.name };
}

/** The reviewers and the operator whom all tests share. */
export const castPeople = (retries?: RetryPolicy): Record<CastName, TestUser> => ({
  vera: castMember('vera', retries),
  viktor: castMember('viktor', retries),
  walt: castMember('walt', retries),
  olga: castMember('olga', retries),
});

/** A project as its own workflow leaves one, with a bucket that keeps versions, and its members. */
export async function makeAirlockProject(cloud: Cloud, id: string, members: readonly TestUser[]): Promise<string> {
  const project = await makeReadyProject(cloud, id);
  if (project.status !== 'ready') throw new Error('the project is not ready');
  const { bucket } = project.network;
  const s3 = new S3Client(cloud.configuration);
  await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  await (await openTestTable(cloud)).put(rowKey('project', id), project);
  for (const member of members) await addProjectMember(cloud, id, member);
  return bucket;
}

export async function addProjectMember(cloud: Cloud, project: string, { id, name }: TestUser): Promise<void> {
  const member = { user: id, name, roles: ['researcher'], since: new Date().toISOString() };
  await (await openTestTable(cloud)).put(rowKey('project', project, `MEMBER#${id}`), member);
}

/** Takes the person's group away, or gives it; tokens already given out stay as they are. */
export async function changeUserGroup(
  cloud: Cloud,
  { name }: Pick<TestUser, 'name'>,
  group: UserGroup,
  operation: 'add' | 'remove',
): Promise<void> {
  const pool = new CognitoIdentityProviderClient(cloud.configuration);
  const membership = { UserPoolId: cloud.outputs['data.Pool'], Username: name, GroupName: group };
  if (operation === 'add') await pool.send(new AdminAddUserToGroupCommand(membership));
  else await pool.send(new AdminRemoveUserFromGroupCommand(membership));
}

/** Nobody signs in as the person any more; tokens already given out stay as they are. */
export async function disableUser(cloud: Cloud, { name }: TestUser): Promise<void> {
  const pool = new CognitoIdentityProviderClient(cloud.configuration);
  await pool.send(new AdminDisableUserCommand({ UserPoolId: cloud.outputs['data.Pool'], Username: name }));
}

export type SourceFiles = Readonly<Record<string, string | Uint8Array>>;

export async function putSourceFiles(cloud: Cloud, bucket: string, source: string, files: SourceFiles): Promise<void> {
  const s3 = new S3Client(cloud.configuration);
  for (const [path, content] of Object.entries(files))
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: source + path, Body: content }));
}

/**
 * Waits until the request has one of these statuses. The API is asked again only when the row has changed, or after two
 * seconds, as it applies deadlines that have passed. Gives up three minutes after the last change.
 */
export async function waitForStatus(
  api: ApiClient,
  params: { project: string; request: string },
  expectedStatuses: readonly Status[],
) {
  const table = await openTestTable(connectTestCloud());
  const readStatus = async () => (await table.get(rowKey('airlock', params.request)))?.status;
  for (let changeTime = Date.now(); ; ) {
    const status = await readStatus();
    const request = await api.ask('showRequest', { params });
    if (expectedStatuses.some(status => status === request.status)) return request;
    const pollStart = Date.now();
    let latest = status;
    for (; latest === status && Date.now() < pollStart + 2000; latest = await readStatus())
      await pauseSince(changeTime, 60);
    if (latest !== status) changeTime = Date.now();
    else if (Date.now() > changeTime + 180_000) throw new Error(`the request stays ${JSON.stringify(request)}`);
  }
}

const machineArns = new Map<string, string | undefined>();

/** The ARN of one of the airlock's two machines, as deployed. */
async function machineArn(cloud: Cloud, machine: 'check' | 'release'): Promise<string | undefined> {
  if (!machineArns.has(machine)) {
    const sfn = new SFNClient(cloud.configuration);
    const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({ maxResults: 1000 }));
    const machineList = await Promise.all(
      stateMachines.map(({ stateMachineArn }) => sfn.send(new DescribeStateMachineCommand({ stateMachineArn }))),
    );
    const comment = machine === 'check' ? 'A request to release files' : "An approved request's release";
    machineArns.set(machine, machineList.find(({ definition }) => definition?.includes(comment))?.stateMachineArn);
  }
  return machineArns.get(machine);
}

/** Starts an execution by hand, as it would be if a message came late or somebody had the right to. */
export async function startAirlockExecution(
  cloud: Cloud,
  machine: 'check' | 'release',
  { project, request }: { project: string; request: string },
  attempt: number,
  input: object = {},
) {
  return new SFNClient(cloud.configuration).send(
    new StartExecutionCommand({
      stateMachineArn: await machineArn(cloud, machine),
      name: `${request}-${attempt}`,
      input: JSON.stringify({ project, request, attempt, from: 'start', ...input }),
    }),
  );
}

/** How an attempt's execution ended, and where it went. */
export async function waitForExecutionEnd(
  cloud: Cloud,
  machine: 'check' | 'release',
  request: string,
  attempt: number,
) {
  const sfn = new SFNClient(cloud.configuration);
  const executionArn = `${(await machineArn(cloud, machine))?.replace(':stateMachine:', ':execution:')}:${request}-${attempt}`;
  for (const start = Date.now(); Date.now() < start + 110_000; await pauseSince(start)) {
    const description = await sfn.send(new DescribeExecutionCommand({ executionArn })).catch((error: unknown) => {
      if (error instanceof ExecutionDoesNotExist) return undefined;
      throw error;
    });
    if (!description || description.status === 'RUNNING') continue;
    const { status, error } = description;
    const { events = [] } = await sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
    const states = events.flatMap(({ stateEnteredEventDetails: details }) => details?.name ?? []);
    return { status, error, end: states.at(-1), entered: states };
  }
  throw new Error(`${request}-${attempt} did not end`);
}

/** A project with a requester, three reviewers and an operator, and what they do over and over. */
export function airlockScene(project: string) {
  const cloud = connectTestCloud();
  const people = {} as Record<CastName, TestUser> & { rana: EnrolledUser };
  const home = { bucket: '' };
  beforeAll(async () => {
    Object.assign(people, castPeople());
    people.rana = await enrolTestUser(cloud, `${project}-rana`, 'researcher');
    home.bucket = await makeAirlockProject(cloud, project, [people.rana]);
  });
  let drafts = 0;
  const settleAs = (params: { project: string; request: string }, statuses: readonly Status[]) =>
    waitForStatus(people.vera, params, statuses);
  const submit = async (files: SourceFiles, paths = ['**']) => {
    const source = `data/outbox/d${drafts++}/`;
    await putSourceFiles(cloud, home.bucket, source, files);
    const groups = [{ name: 'all', kind: 'table' as const, purpose: 'paper', paths }];
    const { id } = await people.rana.ask('draftRequest', { params: { project }, body: { title: 'T', source, groups } });
    const params = { project, request: id };
    await people.rana.ask('submitRequest', { params });
    return { params, source };
  };
  const vote = async (
    person: TestUser,
    params: { project: string; request: string },
    verdict: 'approve' | 'return' | 'reject',
    comment = '',
  ) => {
    const { seal } = await person.ask('showRequest', { params });
    return person.ask('reviewRequest', { params, body: { verdict, seal: seal?.sha256 ?? '0'.repeat(64), comment } });
  };
  return {
    cloud,
    project,
    people,
    released: cloud.outputs['data.Released'] ?? '',
    sealed: cloud.outputs['data.Sealed'] ?? '',
    bucket: () => home.bucket,
    settle: settleAs,
    submit,
    vote,
    async resubmit(params: { project: string; request: string }, source: string, files: SourceFiles) {
      await putSourceFiles(cloud, home.bucket, source, files);
      await people.rana.ask('submitRequest', { params });
    },
    async approve(files: SourceFiles) {
      const { params } = await submit(files);
      await settleAs(params, ['inReview']);
      await vote(people.vera, params, 'approve');
      await vote(people.viktor, params, 'approve');
      return params;
    },
  };
}

/** Another project of the same person. */
airlockScene.another = async (cloud: Cloud, id: string, member: TestUser): Promise<string> => {
  await makeAirlockProject(cloud, id, [member]);
  return id;
};

let folders = 0;
/** A submission in such a project. */
airlockScene.submitted = async (cloud: Cloud, project: string, requester: TestUser, files: SourceFiles) => {
  const source = `data/outbox/s${folders++}/`;
  await putSourceFiles(cloud, `broch-local-${cloud.account}-${project}`, source, files);
  const groups = [{ name: 'all', kind: 'table' as const, purpose: 'paper', paths: ['**'] }];
  const body = { title: 'T', direction: 'export', source, groups };
  const { id: request } = await requester.ask('draftRequest', { params: { project }, body });
  await requester.ask('submitRequest', { params: { project, request } });
  return { project, request };
};

/** A release of such a project. */
airlockScene.released = async (
  cloud: Cloud,
  project: string,
  requester: TestUser,
  { vera, viktor, olga }: Record<'vera' | 'viktor' | 'olga', TestUser>,
  files: SourceFiles,
) => {
  const params = await airlockScene.submitted(cloud, project, requester, files);
  const { seal } = await waitForStatus(vera, params, ['inReview']);
  for (const voter of [vera, viktor])
    await voter.ask('reviewRequest', { params, body: { verdict: 'approve', seal: seal?.sha256 } });
  await olga.ask('releaseRequest', { params });
  await waitForStatus(requester, params, ['released']);
  return params;
};

/** Changes a field of the request's row, as somebody with all rights might: `seal.sha256`, say. */
export const setRequestField = (cloud: Cloud, request: string, field: string, value: string): Promise<void> =>
  setRowField(cloud, rowKey('airlock', request), field, value);

/** Changes a field of any row, as somebody with all rights might. The revision of the row stays. */
export async function setRowField(cloud: Cloud, { pk, sk }: RowKey, field: string, value: string): Promise<void> {
  const dynamo = new DynamoDBClient(cloud.configuration);
  const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}));
  const names = field.split('.').map((name, index) => [`#n${index}`, name] as const);
  await dynamo.send(
    new UpdateItemCommand({
      TableName: TableNames.find(name => name.startsWith('broch-local-data')),
      Key: { pk: { S: pk }, sk: { S: sk } },
      UpdateExpression: `SET ${names.map(([name]) => name).join('.')} = :value`,
      ExpressionAttributeNames: Object.fromEntries(names),
      ExpressionAttributeValues: { ':value': { S: value } },
    }),
  );
}

/** Moves a time of the request's row into the past: its deadline, or another that says when something is due. */
export const backdateRequest = (cloud: Cloud, request: string, name = 'deadline', milliseconds = 1000): Promise<void> =>
  setRequestField(cloud, request, name, new Date(Date.now() - milliseconds).toISOString());
