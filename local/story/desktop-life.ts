import { DynamoDBClient, ListTablesCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { marshall } from '@aws-sdk/util-dynamodb';
import { rowKey } from '../../functions/keys.ts';
import type { DemoSetup } from '../demo-setup.ts';
import { readInstanceTags, withInstanceBucket } from '../desktop.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import { assertHolds, type ChapterTeller } from '../story.ts';
import { pollUntilSettled } from './until.ts';

type Configuration = ReturnType<typeof clientConfigFor>;
const project = 'asthma';

/** Lets four hours pass for a desktop at which nobody sits: its row gets older, and its agent reports. */
async function passHours(configuration: Configuration, workspace: string, instanceId: string): Promise<void> {
  const table = new DynamoDBClient(configuration);
  const { TableNames = [] } = await table.send(new ListTablesCommand({}));
  const early = new Date(Date.now() - 4 * 3_600_000).toISOString();
  await table.send(
    new UpdateItemCommand({
      TableName: TableNames.find(name => name.startsWith('broch-local-data')),
      Key: marshall(rowKey('workspace', project, workspace)),
      UpdateExpression: 'SET readyAt = :early, usedAt = :early',
      ExpressionAttributeValues: marshall({ ':early': early }),
    }),
  );
  table.destroy();
  const { 'broch:role': role } = await readInstanceTags(configuration, instanceId);
  await withInstanceBucket(configuration, instanceId, async ({ s3, bucket }) => {
    const report = { at: new Date().toISOString(), sessions: 1, idleMinutes: 240, load: 0 };
    const Key = `agents/${role}:${instanceId}/activity.json`;
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: JSON.stringify(report) }));
  });
}

/** Calls the sweep as its schedule does every quarter of an hour. */
async function sweepWorkspaces(configuration: Configuration): Promise<void> {
  const client = new LambdaClient(configuration);
  for await (const { Functions = [] } of paginateListFunctions({ client }, {})) {
    const sweep = Functions.find(({ Description }) => Description === 'functions/workspaces/sweep.lambda.ts');
    if (sweep) await client.send(new InvokeCommand({ FunctionName: sweep.FunctionName, Payload: '{}' }));
  }
  client.destroy();
}

/** A Windows desktop grows, stops because nobody uses it, comes back, and ends as a snapshot of its home. */
export const tellWindowsLife: ChapterTeller = async (stage: DemoSetup, tell) => {
  const rana = stage.as('rana');
  const params = { project };
  const { items } = await rana.ask('listWorkspaces', { params });
  const { id } = items.find(({ kind }) => kind === 'windows') ?? {};
  assertHolds(id, 'there is no Windows desktop');
  const place = { params: { ...params, workspace: id } };
  const configuration = clientConfigFor(stage.facts, rootCredentialsFor(stage.facts.account));
  const waitFor = async (status: string) => {
    const view = await pollUntilSettled(
      () => rana.ask('showWorkspace', place),
      answer => answer.status === status || answer.status === 'failed',
    );
    assertHolds(view.status === status, `the desktop is ${JSON.stringify(view)}`);
    return view;
  };

  const { instance } = await tell('The Windows desktop is too small, and she makes it larger', async () => {
    await rana.ask('resizeWorkspace', { ...place, body: { size: 'medium' } });
    const view = await waitFor('ready');
    assertHolds('instanceId' in view && view.size === 'medium', `it is ${view.size}`);
    return {
      message: `It was stopped, got another type and was started again: the same machine, ${view.instanceId}, with its disks.`,
      ids: { workspace: id },
      instance: view.instanceId,
    };
  });

  await tell('She goes home; four hours later it has stopped by itself', async () => {
    await passHours(configuration, id, instance);
    await sweepWorkspaces(configuration);
    const view = await waitFor('stopped');
    return { message: `${'reason' in view ? view.reason : ''} Its disks stay; the machine costs nothing more.` };
  });

  await tell('The next morning she asks for a Windows desktop and gets hers back', async () => {
    const { id: givenId } = await rana.ask('askWorkspace', { params, body: { kind: 'windows' } });
    const view = await waitFor('ready');
    assertHolds(
      givenId === id && 'instanceId' in view && view.instanceId === instance,
      `she got ${JSON.stringify(view)}`,
    );
    return { message: 'The same workspace on the same machine, with the home that she left.', ids: { workspace: id } };
  });

  await tell('She archives it: a snapshot of its home stays', async () => {
    await rana.ask('archiveWorkspace', place);
    const { home } = await waitFor('archived');
    assertHolds(home, 'there is no snapshot');
    return { message: `The machine is gone, and ${home} brings the home back whenever she asks.`, ids: { home } };
  });
};
