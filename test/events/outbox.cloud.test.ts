import { beforeAll, describe, expect, it } from 'vitest';
import { airlockEvents } from '../../functions/airlock/events.ts';
import { outgoingEvent } from '../../functions/contract.ts';
import { outboxRow } from '../../functions/events/outbox.ts';
import { rowKey } from '../../functions/keys.ts';
import { airlockScene } from '../airlock/harness.ts';
import { recordBusEvents } from '../airlock/recorder.ts';
import { openTestTable } from '../workspaces/harness.ts';

const { cloud, people, project, submit, settle, vote } = airlockScene('events-outbox');
let bus: Awaited<ReturnType<typeof recordBusEvents>>;
beforeAll(async () => {
  bus = await recordBusEvents(cloud);
});
const timestamp = '2026-11-01T00:00:00.000Z';
const newId = (serial: number) => `al-${Date.now().toString(16).padStart(11, '0')}${String(serial).padStart(5, '0')}`;
const eventsOf = (request: string, ...texts: string[]) =>
  texts.map((message, index) =>
    outgoingEvent(airlockEvents.RequestEdited, {
      project: 'asthma',
      request,
      round: 1,
      status: 'draft',
      title: 'Title',
      requester: 'rana',
      requesterName: 'rana',
      by: 'rana',
      byName: 'rana',
      message,
      at: timestamp,
      id: `${request}/${texts[0]}/${index}`,
    }),
  );

describe('a row of an outbox', () => {
  it('publishes a row of an outbox without another call by its writer', async () => {
    const request = newId(1);
    const table = await openTestTable(cloud);
    for (const events of [eventsOf(request, 'one', 'two'), eventsOf(request, 'three')]) {
      const { key, item } = outboxRow(rowKey('airlock', request).pk, events, timestamp);
      await table.put(key, item);
    }
    const publishedEvents = await bus.until(request, events => events.length >= 3);
    expect(publishedEvents.map(({ detail }) => detail.message)).toEqual(['one', 'two', 'three']);
    expect(publishedEvents[0]?.detail).toMatchObject({ project: 'asthma', request, status: 'draft', at: timestamp });
  });

  it('publishes no other kind of row', async () => {
    const request = newId(2);
    const table = await openTestTable(cloud);
    const { key, item } = outboxRow(rowKey('airlock', request).pk, eventsOf(request, 'hidden'), timestamp);
    for (const sk of ['ITEM', 'ROUND#00000001#approved', 'EVENT#2026', `X${key.sk}`])
      await table.put({ pk: key.pk, sk }, item);
    await table.put(key, { events: eventsOf(request, 'shown') });
    const publishedEvents = await bus.until(request, events => events.length >= 1);
    expect(publishedEvents.map(({ detail }) => detail.message)).toEqual(['shown']);
  });
});

it('publishes the events of a request from draft to vote in one order, with every view by a reviewer', async () => {
  const { params } = await submit({ 'a.csv': 'region,n\nNorth,20\nSouth,30\n' });
  await settle(params, ['inReview']);
  await people.vera.ask('listFiles', { params });
  await people.vera.ask('viewFile', { params, query: { path: 'a.csv' } });
  await vote(people.vera, params, 'approve');
  const publishedEvents = await bus.until(params.request, events => events.some(({ name }) => name === 'VoteCast'));
  const inOrder = [...publishedEvents].sort((a, b) => (a.detail.id < b.detail.id ? -1 : 1));
  expect(inOrder.map(({ name }) => name)).toEqual([
    'RequestOpened',
    'RequestSubmitted',
    'RequestSealed',
    'ReviewOpened',
    'FileViewed',
    'FileViewed',
    'VoteCast',
  ]);
  expect(inOrder[5]?.detail).toMatchObject({ project, by: people.vera.id });
  // The trail names the file; the bus does not.
  expect(JSON.stringify(publishedEvents)).not.toContain('a.csv');
  expect(JSON.stringify(publishedEvents)).not.toMatch(/approve|Vote 1/);
});
