import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type * as z from 'zod';
import type { RowKey } from './keys.ts';
import { Refused } from './refused.ts';

// Each function sends one command, so that a bundle contains, and a role is granted, only the commands its code calls.
// The document client would save marshall(), but adds Query and Scan to every bundle.
const client = new DynamoDBClient({});
const toItem = (item: object) => marshall(item, { removeUndefinedValues: true });

/** A row of the table: its key, its fields, and a revision that increases by one with every change. */
export type Row<T> = T & { readonly revision: number };

/** A row that does not match its schema: somebody wrote it by hand, or another version of this app did. */
export class DamagedRow extends Error {
  readonly item: Readonly<Record<string, unknown>>;
  /** The fields that cannot be read. */
  readonly fields: readonly string[];
  constructor(item: Readonly<Record<string, unknown>>, fields: readonly string[]) {
    super(`the row ${item.pk} ${item.sk} is damaged: ${fields.join(', ')}`);
    this.name = 'DamagedRow';
    this.item = item;
    this.fields = fields;
  }
}

const parse = <T>(schema: z.ZodType<T>, attributes: Record<string, AttributeValue>): Row<T> => {
  // A number beyond the safe integers is for the schema to refuse; by default unmarshall() throws.
  const item = unmarshall(attributes, { wrapNumbers: Number });
  const result = schema.safeParse(item);
  if (!result.success) throw new DamagedRow(item, [...new Set(result.error.issues.map(({ path }) => path.join('.')))]);
  return { ...result.data, revision: Number(item.revision) } as Row<T>;
};

/** Reads a row (consistent read), or undefined. */
export async function readRow<T>(table: string, schema: z.ZodType<T>, key: RowKey): Promise<Row<T> | undefined> {
  const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: toItem(key), ConsistentRead: true }));
  return Item && parse(schema, Item);
}

/** Writes a new row. Returns false if the key already exists. */
export async function createRow(table: string, key: RowKey, item: object): Promise<boolean> {
  return put(table, { ...item, ...key, revision: 1 }, 'attribute_not_exists(pk)');
}

/** Writes a row, whether it exists or not. */
export async function putRow(table: string, key: RowKey, item: object): Promise<void> {
  await client.send(new PutItemCommand({ TableName: table, Item: toItem({ ...item, ...key, revision: 1 }) }));
}

/** Deletes a row, if it exists. */
export async function deleteRow(table: string, key: RowKey): Promise<void> {
  await client.send(new DeleteItemCommand({ TableName: table, Key: toItem(key) }));
}

async function put(table: string, item: object, condition: string) {
  try {
    await client.send(
      new PutItemCommand({
        TableName: table,
        Item: toItem(item),
        ConditionExpression: condition,
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/**
 * One write of a transaction. With `read` it replaces that revision, or creates the row if `read` is undefined. A row
 * that is derived from another row of the transaction needs no check: it is replaced (no `read`) or deleted (`gone`).
 */
export type RowWrite =
  | { readonly key: RowKey; readonly item: object; readonly read?: { revision: number } | undefined }
  | { readonly key: RowKey; readonly gone: true }
  /** Adds to numbers of a row that exists. `floor` is one of them, which may not fall below zero by this write. */
  | { readonly key: RowKey; readonly add: Readonly<Record<string, number>>; readonly floor: string }
  /** Writes nothing: the row has no such field, or does not exist. */
  | { readonly key: RowKey; readonly without: string };

function change(table: string, write: RowWrite) {
  if ('without' in write)
    return {
      ConditionCheck: {
        TableName: table,
        Key: toItem(write.key),
        ConditionExpression: 'attribute_not_exists(#field)',
        ExpressionAttributeNames: { '#field': write.without },
      },
    };
  if ('gone' in write) return { Delete: { TableName: table, Key: toItem(write.key) } };
  if ('add' in write) return addition(table, write);
  const { key, item } = write;
  const revision = (write.read?.revision ?? 0) + 1;
  const condition = write.read
    ? { ConditionExpression: 'revision = :read', ExpressionAttributeValues: toItem({ ':read': write.read.revision }) }
    : 'read' in write && { ConditionExpression: 'attribute_not_exists(pk)' };
  return { Put: { TableName: table, Item: toItem({ ...item, ...key, revision }), ...condition } };
}

/** Writers of one row that only add do not make each other start again. */
function addition(table: string, { key, add, floor }: Extract<RowWrite, { add: object }>) {
  const amounts = Object.entries({ ...add, revision: 1 });
  const loss = -(add[floor] ?? 0);
  return {
    Update: {
      TableName: table,
      Key: toItem(key),
      UpdateExpression: `ADD ${amounts.map((_, index) => `#n${index} :n${index}`).join(', ')}`,
      ConditionExpression: `attribute_exists(pk)${loss > 0 ? ' AND #floor >= :loss' : ''}`,
      ExpressionAttributeNames: {
        ...Object.fromEntries(amounts.map(([name], index) => [`#n${index}`, name])),
        ...(loss > 0 && { '#floor': floor }),
      },
      ExpressionAttributeValues: toItem({
        ...Object.fromEntries(amounts.map(([, amount], index) => [`:n${index}`, amount])),
        ...(loss > 0 && { ':loss': loss }),
      }),
    },
  };
}

/** Writes all rows or none. Returns false if another writer changed one first. IAM checks PutItem, UpdateItem, DeleteItem and ConditionCheckItem. */
export async function writeRows(table: string, writes: readonly RowWrite[]): Promise<boolean> {
  try {
    await client.send(
      new TransactWriteItemsCommand({
        TransactItems: writes.map(write => change(table, write)),
      }),
    );
    return true;
  } catch (error) {
    const reasons = error instanceof TransactionCanceledException ? (error.CancellationReasons ?? []) : [];
    if (reasons.some(({ Code }) => Code === 'ConditionalCheckFailed' || Code === 'TransactionConflict')) return false;
    throw error;
  }
}

/** Adds to a counter atomically. Returns false and adds nothing if the sum would exceed `maximum`. */
export async function addWithinLimit(table: string, key: RowKey, count: number, maximum: number): Promise<boolean> {
  if (count > maximum) return false;
  try {
    await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: toItem(key),
        UpdateExpression: 'ADD #count :count',
        ConditionExpression: 'attribute_not_exists(#count) OR #count <= :room',
        ExpressionAttributeNames: { '#count': 'count' },
        ExpressionAttributeValues: toItem({ ':count': count, ':room': maximum - count }),
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** One page of a partition. `next` starts the following page. */
export interface Page<T> {
  items: T[];
  next?: string | undefined;
}

interface PageOptions<T> {
  readonly limit?: number | undefined;
  readonly next?: string | undefined;
  readonly prefix?: string;
  readonly ascending?: boolean;
  /** What a page holds in place of a damaged row; undefined leaves the row out. Without this, a damaged row is an error. */
  readonly recover?: ((damage: DamagedRow) => T | undefined) | undefined;
}

function parseOrRecover<T>(
  schema: z.ZodType<T>,
  attributes: Record<string, AttributeValue>,
  recover: PageOptions<T>['recover'],
): Row<T>[] {
  try {
    return [parse(schema, attributes)];
  } catch (error) {
    if (!recover || !(error instanceof DamagedRow)) throw error;
    const replacement = recover(error);
    return replacement === undefined ? [] : [{ ...replacement, revision: Number(error.item.revision) }];
  }
}

/**
 * Reads a page of `pk`, highest sort key first unless `ascending`. The page token contains only the last sort key. The partition comes from the caller's
 * permissions, so a forged or foreign token reaches no other partition.
 */
export async function pageRows<T>(
  table: string,
  schema: z.ZodType<T>,
  pk: string,
  { limit = 50, next, prefix = '', ascending = false, recover }: PageOptions<T> = {},
): Promise<Page<Row<T>>> {
  const { Items = [], LastEvaluatedKey } = await client.send(
    new QueryCommand({
      TableName: table,
      KeyConditionExpression: prefix ? 'pk = :pk AND begins_with(sk, :prefix)' : 'pk = :pk',
      ExpressionAttributeValues: toItem({ ':pk': pk, ...(prefix && { ':prefix': prefix }) }),
      ScanIndexForward: ascending,
      Limit: limit,
      ...(next !== undefined && { ExclusiveStartKey: toItem({ pk, sk: decodeNext(next, prefix) }) }),
    }),
  );
  const last = LastEvaluatedKey?.sk?.S;
  return {
    items: Items.flatMap(item => parseOrRecover(schema, item, recover)),
    ...(last !== undefined && { next: Buffer.from(last).toString('base64url') }),
  };
}

/** Up to `limit` rows of `pk`, lowest sort key first, after `start` and up to `end`. */
export async function readRowRange<T>(
  table: string,
  schema: z.ZodType<T>,
  pk: string,
  { start, end, limit }: { start: string; end: string; limit: number },
): Promise<Row<T>[]> {
  const { Items = [] } = await client.send(
    new QueryCommand({
      TableName: table,
      KeyConditionExpression: 'pk = :pk AND sk BETWEEN :after AND :until',
      // `!` sorts before every digit and letter, so the range starts directly behind the key `start`.
      ExpressionAttributeValues: toItem({ ':pk': pk, ':after': `${start}!`, ':until': end }),
      Limit: limit,
      ConsistentRead: true,
    }),
  );
  return Items.map(item => parse(schema, item));
}

/** The longest sort key of DynamoDB. */
const MAX_SORT_KEY_BYTES = 1024;

/** DynamoDB fails on a start key outside the query. Only a token that the API did not issue contains one. */
function decodeNext(next: string, prefix: string): string {
  const sk = Buffer.from(next, 'base64url').toString('utf8');
  const isToken = sk !== '' && Buffer.byteLength(sk) <= MAX_SORT_KEY_BYTES && sk.startsWith(prefix);
  if (!isToken || Buffer.from(sk).toString('base64url') !== next)
    throw new Refused(
      'missing',
      'The page token `next` was not issued by this API. Omit it to start from the first page.',
    );
  return sk;
}
