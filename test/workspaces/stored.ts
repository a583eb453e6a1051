import {
  CloudWatchLogsClient,
  paginateDescribeLogGroups,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, ListTablesCommand, paginateScan } from '@aws-sdk/client-dynamodb';
import {
  type ExecutionListItem,
  ListStateMachinesCommand,
  paginateGetExecutionHistory,
  paginateListExecutions,
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

/** The executions of a workspace, and the newest of others: their inputs, results and events. */
async function* readExecutions(configuration: Configuration, workspace: string) {
  const client = new SFNClient(configuration);
  const { stateMachines = [] } = await client.send(new ListStateMachinesCommand({}));
  for (const { name, stateMachineArn } of stateMachines.filter(machine => /workspace/i.test(machine.name ?? ''))) {
    const items: ExecutionListItem[] = [];
    for await (const { executions = [] } of paginateListExecutions({ client }, { stateMachineArn }))
      items.push(...executions);
    // Other tests may have started hundreds since.
    const selection = items.filter((execution, index) => index < 20 || execution.name?.startsWith(workspace));
    for (const { executionArn } of selection)
      for await (const { events } of paginateGetExecutionHistory({ client }, { executionArn }))
        yield `${name} ${JSON.stringify(events)}`;
  }
}

/** Everything that tables, with the events that wait in them, logs and workflows keep about a workspace and beside it. */
export async function readEverythingStored(
  configuration: Configuration,
  workspace: string,
): Promise<Record<'tables' | 'logs' | 'executions', string>> {
  const collect = async (parts: AsyncIterable<string>) => {
    const texts: string[] = [];
    for await (const part of parts) texts.push(part);
    return texts.join('\n');
  };
  const [tables, logs, executions] = await Promise.all(
    [readTables, readLogs, readExecutions].map(read => collect(read(configuration, workspace))),
  );
  return { tables: tables ?? '', logs: logs ?? '', executions: executions ?? '' };
}
