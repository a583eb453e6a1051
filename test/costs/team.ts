import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, GetItemCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import {
  EventBridgeClient,
  ListEventBusesCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { CostReport } from '../../functions/costs/costs.ts';
import { connectTestCloud } from '../cloud.ts';

/** What a test of the costs workflow looks at and plays on the embedded cloud. */
export async function createCostsHarness() {
  const { configuration, outputs, account } = connectTestCloud();
  const [machines, secrets, events, iam] = [
    new SFNClient(configuration),
    new SecretsManagerClient(configuration),
    new EventBridgeClient(configuration),
    new IAMClient(configuration),
  ];
  const table = new DynamoDBClient(configuration);
  const { TableNames: [TableName] = [] } = await table.send(new ListTablesCommand({}));
  const { stateMachines = [] } = await machines.send(new ListStateMachinesCommand({}));
  const machine = stateMachines.find(({ name }) => name?.includes('CostsReport'))?.stateMachineArn;
  const { EventBuses = [] } = await events.send(new ListEventBusesCommand({}));
  const bus = EventBuses.find(({ Name }) => Name !== 'default')?.Name;

  /** Runs the machine to its end, whichever that is. */
  async function run(input: { date?: string } = {}, stateMachineArn = machine) {
    const { executionArn } = await machines.send(
      new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }),
    );
    for (;;) {
      const { status, error, cause } = await machines.send(new DescribeExecutionCommand({ executionArn }));
      if (status !== 'RUNNING') {
        const { events } = await machines.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
        return { status, error, cause, history: JSON.stringify(events) };
      }
      await sleep(100);
    }
  }

  /** The deployed machine once more, but with one state's function gone. */
  const createBrokenMachine = (state: string) =>
    createVariant(`costs-without-${state}`, states => {
      states[state].Arguments.FunctionName += '-gone';
    });

  /** The deployed machine once more, but Cost Explorer gives no figures at all. */
  const createClosedMachine = (date: string, reason: string) =>
    createVariant('costs-closed', states => {
      states.Collect = {
        Type: 'Pass',
        Output: { outcome: 'closed', date, reason },
        Assign: { date },
        Next: 'Collected?',
      };
    });

  // biome-ignore lint/suspicious/noExplicitAny: the states of the language have no type here
  async function createVariant(name: string, edit: (states: Record<string, any>) => void) {
    const { definition = '', roleArn } = await machines.send(
      new DescribeStateMachineCommand({ stateMachineArn: machine }),
    );
    const machineDefinition = JSON.parse(definition);
    edit(machineDefinition.States);
    const brokenMachine = await machines.send(
      new CreateStateMachineCommand({ name, roleArn, definition: JSON.stringify(machineDefinition) }),
    );
    return brokenMachine.stateMachineArn;
  }

  /** Listens on the bus for what the capability tells: a machine that does nothing is started by each event. */
  async function listen() {
    const trust = {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: ['events.amazonaws.com', 'states.amazonaws.com'] },
          Action: 'sts:AssumeRole',
        },
      ],
    };
    const { Role } = await iam.send(
      new CreateRoleCommand({ RoleName: 'costs-listener', AssumeRolePolicyDocument: JSON.stringify(trust) }),
    );
    const { stateMachineArn } = await machines.send(
      new CreateStateMachineCommand({
        name: 'costs-listener',
        roleArn: Role?.Arn,
        definition: JSON.stringify({ StartAt: 'Heard', States: { Heard: { Type: 'Succeed' } } }),
      }),
    );
    const rule = { Name: 'costs-listener', EventBusName: bus };
    await events.send(new PutRuleCommand({ ...rule, EventPattern: JSON.stringify({ source: ['broch.costs'] }) }));
    await events.send(
      new PutTargetsCommand({
        Rule: rule.Name,
        EventBusName: bus,
        Targets: [{ Id: '1', Arn: stateMachineArn, RoleArn: Role?.Arn }],
      }),
    );
    return async (date: string) => {
      const { executions = [] } = await machines.send(new ListExecutionsCommand({ stateMachineArn, maxResults: 1000 }));
      const eventInputs = await Promise.all(
        executions.map(async ({ executionArn }) => {
          const { input = '{}' } = await machines.send(new DescribeExecutionCommand({ executionArn }));
          return JSON.parse(input) as { 'detail-type': string; detail: { date: string; reason?: string } };
        }),
      );
      return eventInputs.filter(({ detail }) => detail.date === date);
    };
  }

  return {
    account,
    run,
    createBrokenMachine,
    createClosedMachine,
    listen,
    setWebhook: (SecretString: string) =>
      secrets.send(new PutSecretValueCommand({ SecretId: outputs['data.Webhook'], SecretString })),
    report: async (date: string): Promise<CostReport | undefined> => {
      const { Item } = await table.send(
        new GetItemCommand({
          TableName,
          Key: { pk: { S: 'REPORTS' }, sk: { S: `DAY#${date}` } },
          ConsistentRead: true,
        }),
      );
      return Item && CostReport.parse(unmarshall(Item));
    },
  };
}
