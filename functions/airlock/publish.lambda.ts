import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';
import { publish } from '../events.ts';
import { logger, step } from '../handler.ts';
import { airlockEvents } from './events.ts';
import { TrailEntry, trailEvents } from './request/trail.ts';

export const env = z.object({ BUS_NAME: z.string() });
const { BUS_NAME } = env.parse(process.env);

/** What Lambda hands over of a table's stream; `NewImage` is a row as DynamoDB writes it. */
const NewImage = z.custom<Record<string, AttributeValue>>(row => typeof row === 'object' && row !== null);
const Batch = z.object({
  Records: z.array(z.object({ dynamodb: z.object({ SequenceNumber: z.string(), NewImage }) })),
});

/**
 * Puts every new row of a trail on the bus: the only way there, so that no event is without its row and no row without
 * its event. It stops at the first row it can't send, and is called again from there: events come at least once.
 */
export const handler = step(Batch, async ({ Records }) => {
  for (const { dynamodb } of Records) {
    try {
      const row = unmarshall(dynamodb.NewImage);
      for (const [name, about] of trailEvents(TrailEntry.parse(row), z.string().parse(row.sk)))
        await publish(BUS_NAME, airlockEvents[name], about);
    } catch (error) {
      logger.error('a row of a trail is not on the bus', { row: dynamodb.NewImage.sk?.S, error: error as Error });
      return { batchItemFailures: [{ itemIdentifier: dynamodb.SequenceNumber }] };
    }
  }
  return { batchItemFailures: [] };
});
