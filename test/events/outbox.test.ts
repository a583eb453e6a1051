import { describe, expect, it } from 'vitest';
import { airlockEvents } from '../../functions/airlock/events.ts';
import { type Contract, outgoingEvent } from '../../functions/contract.ts';
import * as costEvents from '../../functions/costs/events.ts';
import { mayPublish, OUTBOX_PREFIX, OutboxRow, outboxRow } from '../../functions/events/outbox.ts';
import * as ingestEvents from '../../functions/ingest/events.ts';
import { type Partition, partitions, rowKey } from '../../functions/keys.ts';
import * as projectEvents from '../../functions/projects/events.ts';
import * as workspaceEvents from '../../functions/workspaces/events.ts';

const { ProjectFailed } = projectEvents;

const now = '2026-11-28T09:00:00.000Z';
const detail = { project: 'asthma', attempt: 1, reason: 'No room.', rolledBack: true };

describe('an outbox row', () => {
  const row = () => outboxRow('PROJECT#asthma', [outgoingEvent(ProjectFailed, detail)], now);

  it('puts a row into the partition of the changed item, with a key of its own', () => {
    const [firstKey, secondKey] = [row().key, row().key];
    expect(firstKey.pk).toBe('PROJECT#asthma');
    expect(firstKey.sk.startsWith(`${OUTBOX_PREFIX}${now}#`)).toBe(true);
    expect(secondKey.sk).not.toBe(firstKey.sk);
  });

  it('writes what the publisher reads, and removes it after 30 days', () => {
    const { key, item } = row();
    expect(OutboxRow.parse({ ...item, ...key }).events).toEqual([
      { source: 'broch.projects', type: 'ProjectFailed', detail },
    ]);
    expect(item.ttl - Date.parse(now) / 1000).toBe(30 * 24 * 3600);
  });

  it('refuses an event that breaks its contract', () => {
    expect(() => outgoingEvent(ProjectFailed, { ...detail, attempt: 0 })).toThrow();
  });

  it('leaves out fields that the contract does not name', () => {
    expect(outgoingEvent(ProjectFailed, { ...detail, secret: 'x' } as typeof detail).detail).toEqual(detail);
  });
});

describe('the events of a partition', () => {
  const contracts: Contract<never>[] = [
    ...[airlockEvents, costEvents, ingestEvents, projectEvents, workspaceEvents].flatMap(module =>
      Object.values(module as Record<string, unknown>),
    ),
  ].filter((value): value is Contract<never> => typeof value === 'object' && value !== null && 'schema' in value);
  const partitionsOf = (event: { source: string; type: string }) =>
    (Object.keys(partitions) as Partition[]).filter(partition => mayPublish(rowKey(partition, 'x').pk, event));
  const accesses = ['FileViewed', 'DownloadOpened', 'DownloadTaken', 'DownloadPaged', 'DownloadMoved'];
  const partnerEvents = ['PartnerRegistered', 'PartnerKeysSet', 'DeliveryOverdue'];
  const homeOf = ({ source, type }: { source: string; type: string }): Partition | undefined => {
    if (accesses.includes(type)) return 'look';
    return partnerEvents.includes(type) ? 'partners' : homes[source];
  };
  const homes: Record<string, Partition> = {
    'broch.projects': 'project',
    'broch.ingest': 'partner',
    'broch.workspaces': 'workspace',
    'broch.costs': 'reports',
    'broch.airlock': 'airlock',
  };

  it('lets one partition publish each event of every capability', () => {
    const platformEvents = contracts.filter(({ source }) => source.startsWith('broch.'));
    expect(platformEvents.length).toBeGreaterThan(40);
    for (const event of platformEvents) expect(partitionsOf(event), event.type).toEqual([homeOf(event)]);
  });

  it('lets no partition publish an event without a contract, or of another source', () => {
    for (const source of [...Object.keys(homes), 'aws.s3'])
      for (const type of [
        'RequestForged',
        'Object Created',
        ...(source === 'broch.airlock' ? [] : ['RequestReleased']),
      ])
        expect(partitionsOf({ source, type })).toEqual([]);
  });

  it('lets the partition of file views publish no decision', () => {
    const { pk } = rowKey('look', 'al-0011223344556677');
    for (const type of ['RequestReleased', 'RequestRevoked', 'VoteCast'])
      expect(mayPublish(pk, { source: 'broch.airlock', type })).toBe(false);
  });
});
