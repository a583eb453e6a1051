import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';
import { publishEvent } from '../events.ts';
import { logger, stepHandler } from '../handler.ts';
import { airlockEvents } from './events.ts';
import { TrailEntry, trailEvents } from './request/trail.ts';

export const env = z.object({ BUS_NAME: z.string() });
const { BUS_NAME } = env.parse(process.env);

/** A batch of the table's stream. `NewImage` is a row in DynamoDB's JSON. */
const NewImage = z.custom<Record<string, AttributeValue>>(row => typeof row === 'object' && row !== null);
const Batch = z.object({
  Records: z.array(z.object({ dynamodb: z.object({ SequenceNumber: z.string(), NewImage }) })),
});

/**
 * Publishes every new row of a trail. Nothing else publishes these events, so every event has its row and every row its
 * event. It stops at the first row that fails and is called again from there: events are delivered at least once.
 */
export const handler = stepHandler(Batch, async ({ Records }) => {
  for (const { dynamodb } of Records) {
    try {
      const row = unmarshall(dynamodb.NewImage);
      for (const [name, about] of trailEvents(TrailEntry.parse(row), z.string().parse(row.sk)))
        await publishEvent(BUS_NAME, airlockEvents[name], about);
    } catch (error) {
      logger.error('a row of a trail is not on the bus', { row: dynamodb.NewImage.sk?.S, error: error as Error });
      return { batchItemFailures: [{ itemIdentifier: dynamodb.SequenceNumber }] };
    }
  }
  return { batchItemFailures: [] };
});
