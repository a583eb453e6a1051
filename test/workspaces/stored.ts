import {
  CloudWatchLogsClient,
  paginateDescribeLogGroups,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, ListTablesCommand, paginateScan } from '@aws-sdk/client-dynamodb';
import {
  ListExecutionsCommand,
  ListStateMachinesCommand,
  paginateGetExecutionHistory,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { connectTestCloud } from '../cloud.ts';

type Configuration = ReturnType<typeof connectTestCloud>['configuration'];

async function* readTables(configuration: Configuration) {
  const client = new DynamoDBClient(configuration);
  const { TableNames = [] } = await client.send(new ListTablesCommand({}));
  for (const TableName of TableNames)
    for await (const { Items = [] } of paginateScan({ client }, { TableName }))
      yield JSON.stringify(Items.map(item => unmarshall(item)));
}

async function* readLogs(configuration: Configuration) {
  const client = new CloudWatchLogsClient(configuration);
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, {}))
    for (const { logGroupName } of logGroups)
      for await (const { events = [] } of paginateFilterLogEvents({ client }, { logGroupName }))
        yield events.map(({ message }) => message).join('\n');
}

/** The executions of workspaces: their inputs, results and events. */
async function* readExecutions(configuration: Configuration) {
  const client = new SFNClient(configuration);
  const { stateMachines = [] } = await client.send(new ListStateMachinesCommand({}));
  for (const { name, stateMachineArn } of stateMachines.filter(machine => /workspace/i.test(machine.name ?? ''))) {
    const { executions = [] } = await client.send(new ListExecutionsCommand({ stateMachineArn, maxResults: 20 }));
    for (const { executionArn } of executions)
      for await (const { events } of paginateGetExecutionHistory({ client }, { executionArn }))
        yield `${name} ${JSON.stringify(events)}`;
  }
}

/** Everything that tables, with the events that wait in them, logs and workflows keep, and how much of each there is. */
export async function readEverythingStored(
  configuration: Configuration,
): Promise<Record<'tables' | 'logs' | 'executions', string>> {
  const collect = async (parts: AsyncIterable<string>) => {
    const texts: string[] = [];
    for await (const part of parts) texts.push(part);
    return texts.join('\n');
  };
  const [tables, logs, executions] = await Promise.all(
    [readTables, readLogs, readExecutions].map(read => collect(read(configuration))),
  );
  return { tables: tables ?? '', logs: logs ?? '', executions: executions ?? '' };
}
