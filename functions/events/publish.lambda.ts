import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';
import type { OutgoingEvent } from '../contract.ts';
import { logger, stepHandler } from '../handler.ts';
import { mayPublish, OutboxRow } from './outbox.ts';

export const env = z.object({ BUS_NAME: z.string() });
const { BUS_NAME } = env.parse(process.env);
const client = new EventBridgeClient({});

/** A batch of the table's stream. `NewImage` is a row in DynamoDB's JSON. */
const NewImage = z.custom<Record<string, AttributeValue>>(row => typeof row === 'object' && row !== null);
const Batch = z.object({
  Records: z.array(z.object({ dynamodb: z.object({ SequenceNumber: z.string(), NewImage }) })),
});

/** PutEvents returns 200 even when it rejects an entry, so its count is checked. */
async function publishEvent({ source, type, detail }: OutgoingEvent): Promise<void> {
  const { FailedEntryCount, Entries } = await client.send(
    new PutEventsCommand({
      Entries: [{ EventBusName: BUS_NAME, Source: source, DetailType: type, Detail: JSON.stringify(detail) }],
    }),
  );
  if (FailedEntryCount) throw new Error(`${type} was not accepted: ${Entries?.[0]?.ErrorCode}`);
}

/**
 * Publishes the events of every new row of an outbox. It stops at the first row that fails and is called again from
 * there: events are delivered at least once, and in order within a partition.
 */
export const handler = stepHandler(Batch, async ({ Records }) => {
  for (const { dynamodb } of Records) {
    try {
      const { pk, events } = OutboxRow.parse(unmarshall(dynamodb.NewImage));
      for (const event of events) {
        if (!mayPublish(pk, event))
          throw new Error(`${event.source} ${event.type} must not be published from this partition`);
        await publishEvent(event);
      }
    } catch (error) {
      logger.error('the events of a row were not published', {
        partition: dynamodb.NewImage.pk?.S,
        row: dynamodb.NewImage.sk?.S,
        error: error as Error,
      });
      return { batchItemFailures: [{ itemIdentifier: dynamodb.SequenceNumber }] };
    }
  }
  return { batchItemFailures: [] };
});
