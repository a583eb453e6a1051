import { closeSync, openSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  ListTablesCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListObjectVersionsCommand, PutObjectRetentionCommand, S3Client } from '@aws-sdk/client-s3';
import { marshall } from '@aws-sdk/util-dynamodb';
import { expect } from 'vitest';
import { sweepAt } from '../../functions/airlock/request/deadlines.ts';
import { addSeconds, hour, Request } from '../../functions/airlock/request/request.ts';
import { dueKey } from '../../functions/airlock/store.ts';
import { rowKey } from '../../functions/keys.ts';
import type { connectTestCloud } from '../cloud.ts';
import { openTestTable } from '../workspaces/harness.ts';

type Cloud = ReturnType<typeof connectTestCloud>;

/** There is one sweeper, and it takes whatever is due: only one test at a time lets time pass. Gives what ends that. */
export async function lockSweeper(cloud: Cloud): Promise<() => void> {
  const file = join(dirname(cloud.ca), 'sweeper.lock');
  for (;;) {
    try {
      closeSync(openSync(file, 'wx'));
      return () => rmSync(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await sleep(100);
  }
}

export async function createSweepHarness(cloud: Cloud) {
  const [dynamo, lambda, s3] = [
    new DynamoDBClient(cloud.configuration),
    new LambdaClient(cloud.configuration),
    new S3Client(cloud.configuration),
  ];
  const table = await openTestTable(cloud);
  const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}));
  const TableName = TableNames.find(name => name.startsWith('broch-local-data'));
  let FunctionName: string | undefined;
  for (let Marker: string | undefined, remaining = true; remaining && !FunctionName; remaining = Marker !== undefined) {
    const { Functions = [], NextMarker } = await lambda.send(new ListFunctionsCommand({ Marker }));
    FunctionName = Functions.find(
      candidate => candidate.Description === 'functions/airlock/deletion/sweep.lambda.ts',
    )?.FunctionName;
    Marker = NextMarker;
  }
  if (FunctionName === undefined) throw new Error('there is no sweeper');

  /** Takes a row out of the list of what is due. */
  async function drop(row: Parameters<typeof dueKey>[0]) {
    await dynamo.send(new DeleteItemCommand({ TableName, Key: marshall(dueKey(row)) }));
  }

  return {
    table,
    drop,
    /** One run of the deployed sweeper, which reads nothing of its event. */
    async sweep(event: object = {}) {
      const { Payload, FunctionError } = await lambda.send(
        new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }),
      );
      const answer = JSON.parse(Buffer.from(Payload ?? []).toString('utf8'));
      return { ...answer, failed: FunctionError ? answer.errorMessage : 0 };
    },
    /** Time passes: what is due in the future is due since an hour ago. The row of what is due moves with it. */
    async pass(request: string): Promise<void> {
      const row = (await table.get(rowKey('airlock', request))) ?? {};
      const { project } = row;
      const due = sweepAt(Request.parse(row));
      if (due === undefined) throw new Error(`${request} is never due`);
      expect(await table.get(dueKey({ due, request })), 'the list of what is due').toMatchObject({ request, due });
      const now = addSeconds(new Date().toISOString(), -hour);
      const times = ['expiresAt', 'deadline', 'retainedUntil'].flatMap(name => (name in row ? [[name, now]] : []));
      // With its revision, as the rows that are written with it have the same; unless a step has just changed it.
      const Item = marshall({ ...row, ...Object.fromEntries(times) });
      const record = {
        ConditionExpression: 'revision = :read',
        ExpressionAttributeValues: marshall({ ':read': row.revision }),
      };
      try {
        await dynamo.send(new PutItemCommand({ TableName, Item, ...record }));
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return this.pass(request);
        throw error;
      }
      await drop({ due, request });
      await table.put(dueKey({ due: now, request }), { project, request, due: now });
    },
    /** A year passes for what is locked there. */
    async unlock(Bucket: string, ...prefixes: string[]) {
      for (const Prefix of prefixes) {
        const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
        for (const { Key, VersionId } of Versions) {
          const Retention = { Mode: 'GOVERNANCE', RetainUntilDate: new Date(Date.now() + 1000) } as const;
          const version = { Bucket, Key, VersionId, BypassGovernanceRetention: true };
          await s3.send(new PutObjectRetentionCommand({ ...version, Retention }));
        }
      }
      await sleep(1200);
    },
  };
}
