import { describe, expect, it } from 'vitest';
import { outgoingEvent } from '../../functions/contract.ts';
import { mayPublish, OUTBOX_PREFIX, OutboxRow, outboxRow } from '../../functions/events/outbox.ts';
import { rowKey } from '../../functions/keys.ts';
import { ProjectFailed } from '../../functions/projects/events.ts';

const now = '2026-11-28T09:00:00.000Z';
const detail = { project: 'asthma', attempt: 1, reason: 'No room.', rolledBack: true };

describe('an outbox row', () => {
  const row = () => outboxRow('PROJECT#asthma', [outgoingEvent(ProjectFailed, detail)], now);

  it('is in the partition of what changed, and no two rows have the same key', () => {
    const [firstKey, secondKey] = [row().key, row().key];
    expect(firstKey.pk).toBe('PROJECT#asthma');
    expect(firstKey.sk.startsWith(`${OUTBOX_PREFIX}${now}#`)).toBe(true);
    expect(secondKey.sk).not.toBe(firstKey.sk);
  });

  it('holds what the publisher reads, and is removed after 30 days', () => {
    const { key, item } = row();
    expect(OutboxRow.parse({ ...item, ...key }).events).toEqual([
      { source: 'broch.projects', type: 'ProjectFailed', detail },
    ]);
    expect(item.ttl - Date.parse(now) / 1000).toBe(30 * 24 * 3600);
  });

  it('is refused where the event is not what its contract says', () => {
    expect(() => outgoingEvent(ProjectFailed, { ...detail, attempt: 0 })).toThrow();
  });

  it('leaves out what the contract does not name', () => {
    expect(outgoingEvent(ProjectFailed, { ...detail, secret: 'x' } as typeof detail).detail).toEqual(detail);
  });
});

describe('who may publish', () => {
  it.each([
    ['project', 'broch.projects'],
    ['partner', 'broch.ingest'],
    ['workspace', 'broch.workspaces'],
    ['airlock', 'broch.airlock'],
    ['look', 'broch.airlock'],
  ] as const)('the partition %s publishes events of %s only', (partition, source) => {
    const { pk } = rowKey(partition, 'x');
    const sources = ['broch.projects', 'broch.ingest', 'broch.workspaces', 'broch.costs', 'broch.airlock', 'aws.s3'];
    expect(sources.filter(name => mayPublish(pk, name))).toEqual([source]);
  });

  it.each(['PROJECTS', 'PERSON#x', 'ONCE#1', 'DUE', 'AIRLOCKS#x', ''])('the partition %j publishes nothing', pk => {
    expect(mayPublish(pk, 'broch.projects')).toBe(false);
    expect(mayPublish(pk, 'broch.airlock')).toBe(false);
  });
});
