import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { Contract } from './contract.ts';

const client = new EventBridgeClient({});

/**
 * Publishes one event on the bus. PutEvents answers 200 also when it took nothing, so its count is checked: a rejected
 * event throws, and the caller's retry sends it again (consumers are idempotent).
 */
export async function publishEvent<T>(bus: string, contract: Contract<T>, detail: T): Promise<void> {
  const { FailedEntryCount, Entries } = await client.send(
    new PutEventsCommand({
      Entries: [
        {
          EventBusName: bus,
          Source: contract.source,
          DetailType: contract.type,
          Detail: JSON.stringify(contract.schema.parse(detail)),
        },
      ],
    }),
  );
  if (FailedEntryCount) throw new Error(`${contract.type} was not accepted: ${Entries?.[0]?.ErrorCode}`);
}
