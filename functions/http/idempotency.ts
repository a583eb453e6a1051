import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import type { APIGatewayProxyEventV2WithJWTAuthorizer, Context } from 'aws-lambda';
import { partitions } from '../keys.ts';
import { Refused } from '../refused.ts';

interface Attempt {
  readonly user: string;
  readonly event: APIGatewayProxyEventV2WithJWTAuthorizer;
  readonly context: Context;
  readonly request: { readonly params: unknown; readonly body: unknown };
}

/** Results are kept for a day in partitions of the table. */
export const outcomeStore = (table: string) =>
  new DynamoDBPersistenceLayer({
    tableName: table,
    keyAttr: 'pk',
    sortKeyAttr: 'sk',
    staticPkValue: `${partitions.once}1`,
    expiryAttr: 'ttl',
  });

/**
 * Runs a write once for each person, route and Idempotency-Key. A repetition gets the first result, the same key with
 * another request is refused, and a failed attempt may be repeated.
 */
export function runOnce(store: DynamoDBPersistenceLayer | undefined) {
  const config = new IdempotencyConfig({
    eventKeyJmesPath: 'key',
    payloadValidationJmesPath: 'request',
    throwOnNoIdempotencyKey: true,
    expiresAfterSeconds: 24 * 3600,
  });
  return async (run: () => Promise<object>, { user, event, context, request }: Attempt): Promise<object> => {
    const key = event.headers['idempotency-key'];
    if (!store) throw new Error('a capability with writes needs a store for their results');
    if (!key || !/^[\x21-\x7e]{8,128}$/.test(key))
      throw new Refused(
        'invalid',
        'Send an Idempotency-Key header of 8 to 128 printable characters, a new one for each new request.',
      );
    config.registerLambdaContext(context);
    const attempt = makeIdempotent(async (_: { key: string[]; request: object }) => run(), {
      persistenceStore: store,
      config,
    });
    try {
      return await attempt({ key: [user, event.routeKey, JSON.stringify(request.params ?? {}), key], request });
    } catch (error) {
      const name = error instanceof Error ? error.name : '';
      if (name === 'IdempotencyAlreadyInProgressError')
        throw new Refused(
          'conflict',
          'The same request is still in progress. Repeat it in a moment with the same key.',
        );
      if (name === 'IdempotencyValidationError')
        throw new Refused('mismatch', 'This Idempotency-Key was already used for a different request. Send a new key.');
      throw error;
    }
  };
}
