import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { OutgoingEvent } from '../contract.ts';
import { type Partition, partitions, type RowKey } from '../keys.ts';

/** The prefix of the sort keys of events that wait for publication. */
export const OUTBOX_PREFIX = 'OUTBOX#';

/** The events of one change, in order. */
export const OutboxRow = z.object({ pk: z.string(), sk: z.string(), events: z.array(OutgoingEvent) });

/** Long enough for an operator to send events again after a fault that stayed unnoticed for some time. */
const RETENTION_SECONDS = 30 * 24 * 3600;

/**
 * The events of a change as a row of the partition `pk`, to be written in the transaction of the change: both are stored
 * or neither. The publisher sends them from the table's stream. Nothing else publishes. `now` is ISO 8601.
 */
export const outboxRow = (pk: string, events: readonly OutgoingEvent[], now: string) => ({
  key: { pk, sk: `${OUTBOX_PREFIX}${now}#${randomUUID()}` } satisfies RowKey,
  read: undefined,
  item: { events, ttl: Math.floor(Date.parse(now) / 1000) + RETENTION_SECONDS },
});

const sources: Partial<Record<Partition, string>> = {
  project: 'broch.projects',
  partner: 'broch.ingest',
  workspace: 'broch.workspaces',
  reports: 'broch.costs',
  airlock: 'broch.airlock',
  look: 'broch.airlock',
};

/**
 * Whether events of this source may be published from this partition. A function's role limits the partitions that it
 * can write, so no function can publish in the name of another capability.
 */
export const mayPublish = (pk: string, source: string): boolean =>
  Object.entries(sources).some(
    ([partition, allowed]) => allowed === source && pk.startsWith(partitions[partition as Partition]),
  );
