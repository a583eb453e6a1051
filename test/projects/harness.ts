import { readFileSync } from 'node:fs';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { DynamoDBClient, GetItemCommand, ListTablesCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListStateMachinesCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { agentFor, createApiClient } from '../../bin/cli/call.ts';
import type { UserGroup } from '../../functions/http/route.ts';
import { rowKey } from '../../functions/keys.ts';
import { NetworkBlock } from '../../functions/projects/block.ts';
import { requestProject } from '../../functions/projects/projects.ts';
import { Project } from '../../functions/projects/schemas.ts';
import { enrolLocalPerson, keepLocalSession, signInLocalPerson } from '../../local/people.ts';
import { connectTestCloud } from '../cloud.ts';
import { pauseSince } from '../pause.ts';

/** Asks until `good` holds of the answer, for a minute at most. */
export async function waitForProject<T>(ask: () => Promise<T>, good: (answer: T) => boolean): Promise<T> {
  let last: T | undefined;
  for (const start = Date.now(); Date.now() < start + 60_000; await pauseSince(start)) {
    last = await ask();
    if (good(last)) return last;
  }
  throw new Error(`it never became so; at last it was ${JSON.stringify(last)}`);
}

const cloud = connectTestCloud();
const { configuration, outputs } = cloud;
const dynamo = new DynamoDBClient(configuration);
const stacks = new CloudFormationClient(configuration);
const machines = new SFNClient(configuration);

/** Somebody in a group, and the API as them. */
export async function signInProjectPerson(name: string, group: UserGroup) {
  const place = {
    name: 'test',
    api: cloud.api,
    pool: outputs['data.Pool'] ?? '',
    client: outputs['data.Client'] ?? '',
    region: cloud.region,
    embedded: { endpoint: cloud.endpoint, account: cloud.account, ca: readFileSync(cloud.ca, 'utf8'), people: [] },
  };
  const tokens = await signInLocalPerson(place, await enrolLocalPerson(place, configuration, name, group));
  return createApiClient(
    place,
    agentFor(place),
    keepLocalSession(place, async () => tokens),
    { backoff: () => 100 },
  );
}

const tableName = async () => {
  const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}));
  return TableNames.find(name => name.startsWith('broch-local-data'));
};

async function read(key: { pk: string; sk: string }) {
  const { Item } = await dynamo.send(
    new GetItemCommand({ TableName: await tableName(), Key: marshall(key), ConsistentRead: true }),
  );
  return Item && unmarshall(Item);
}

export async function readProjectRow(id: string): Promise<Project | undefined> {
  const item = await read(rowKey('project', id));
  return item && Project.parse(item);
}

export async function readBlockRow(cidr: string): Promise<NetworkBlock | undefined> {
  const item = await read(rowKey('block', cidr));
  return item && NetworkBlock.parse(item);
}

/** A project that was asked for, but whose workflow never started. */
export async function makeRequestedProject(id: string, change: Partial<Project> = {}): Promise<void> {
  const project = {
    ...requestProject({ id, title: id }, { id: 'nobody', name: 'nobody' }, new Date().toISOString()),
    ...change,
  } as Project;
  const rows = [rowKey('project', id), rowKey('projects', '', `${project.requestedAt}#${id}`)];
  for (const key of rows)
    await dynamo.send(
      new PutItemCommand({
        TableName: await tableName(),
        Item: marshall({ ...project, ...key, revision: 1 }, { removeUndefinedValues: true }),
      }),
    );
}

/** The project's stack as it is now, or undefined. */
export async function findProjectStack(id: string): Promise<Stack | undefined> {
  try {
    const { Stacks } = await stacks.send(new DescribeStacksCommand({ StackName: `broch-local-project-${id}-network` }));
    return Stacks?.[0];
  } catch (error) {
    if (error instanceof Error && error.message.includes('does not exist')) return undefined;
    throw error;
  }
}

/** A stack under the name of the project's, but of something else. */
export async function makeForeignStack(id: string): Promise<void> {
  const TemplateBody = JSON.stringify({
    Resources: { Other: { Type: 'AWS::SSM::Parameter', Properties: { Type: 'String', Value: 'x' } } },
  });
  await stacks.send(new CreateStackCommand({ StackName: `broch-local-project-${id}-network`, TemplateBody }));
  await waitForProject(
    () => findProjectStack(id),
    stack => stack?.StackStatus === 'CREATE_COMPLETE',
  );
}

interface State {
  Resource?: string;
  Arguments?: { FunctionName?: string; Bucket?: string };
  Choices?: { Condition: string }[];
}

/** The deployed workflow: run as it is, or as a copy that `change` makes differ in one thing. */
export async function runProjectWorkflow(
  input: { project: string; attempt: number },
  change?: (states: Record<string, State>) => void,
) {
  const { stateMachines = [] } = await machines.send(new ListStateMachinesCommand({ maxResults: 1000 }));
  const machine = stateMachines.find(({ name }) => name?.includes('ProjectsWorkflow'))?.stateMachineArn;
  let stateMachineArn = machine;
  if (change) {
    const { definition = '', roleArn } = await machines.send(
      new DescribeStateMachineCommand({ stateMachineArn: machine }),
    );
    const copy = JSON.parse(definition);
    change(copy.States);
    const name = `projects-${input.project}-${Math.random().toString(36).slice(2)}`;
    const stateMachine = await machines.send(
      new CreateStateMachineCommand({ name, roleArn, definition: JSON.stringify(copy) }),
    );
    stateMachineArn = stateMachine.stateMachineArn;
  }
  const { executionArn } = await machines.send(
    new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }),
  );
  const { status, error } = await waitForProject(
    () => machines.send(new DescribeExecutionCommand({ executionArn })),
    ({ status }) => status !== 'RUNNING',
  );
  const { events = [] } = await machines.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
  const stateNames = events.flatMap(({ stateEnteredEventDetails }) => stateEnteredEventDetails?.name ?? []);
  return { status, error, entered: stateNames, end: stateNames.at(-1) };
}

/** Makes a state's function one that there is not. */
export const breakStateFunction = (name: string) => (states: Record<string, State>) => {
  const state = states[name];
  if (!state?.Arguments?.FunctionName) throw new Error(`${name} calls no function`);
  state.Arguments.FunctionName += '-gone';
};
