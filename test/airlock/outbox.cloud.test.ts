import { beforeAll, describe, expect, it } from 'vitest';
import { requestEvent } from '../../functions/airlock/request/decision.ts';
import { trailEntry, trailKey } from '../../functions/airlock/request/trail.ts';
import { rowKey } from '../../functions/keys.ts';
import { openTestTable } from '../workspaces/harness.ts';
import { buildAirlockConfig, buildDraft } from './builders.ts';
import { airlockScene } from './harness.ts';
import { recordBusEvents } from './recorder.ts';

const { cloud, people, project, submit, settle, vote } = airlockScene('airlock-outbox');
let bus: Awaited<ReturnType<typeof recordBusEvents>>;
beforeAll(async () => {
  bus = await recordBusEvents(cloud);
});
const facts = { rules: buildAirlockConfig(), members: [], reviewers: [], candidates: [] };
const at = '2026-11-01T00:00:00.000Z';
const id = (n: number) => `al-${Date.now().toString(16).padStart(11, '0')}${String(n).padStart(5, '0')}`;

describe('an entry of a trail', () => {
  it('is published although its writer did nothing more', async () => {
    const request = { ...buildDraft(facts), id: id(1) };
    const table = await openTestTable(cloud);
    const put = (revision: number, ...events: Parameters<typeof requestEvent>[]) =>
      table.put(
        rowKey('airlock', request.id, trailKey(at, revision)),
        trailEntry(
          request,
          events.map(one => requestEvent(...one)),
          at,
        ),
      );
    await put(1, ['RequestOpened', 'one'], ['RequestExpired', 'two']);
    await put(2, ['RequestEdited', 'three']);
    const said = await bus.until(request.id, all => all.length >= 3);
    expect(said.map(({ name, about }) => [name, about.says]).sort()).toEqual([
      ['RequestEdited', 'three'],
      ['RequestExpired', 'two'],
      ['RequestOpened', 'one'],
    ]);
    expect(said[0]?.about).toMatchObject({
      project: 'asthma',
      request: request.id,
      requester: 'rana',
      status: 'draft',
      at,
    });
    expect(new Set(said.map(({ about }) => about.id)).size).toBe(3);
  });

  it('is the only kind of row that is published', async () => {
    const request = { ...buildDraft(facts), id: id(2) };
    const table = await openTestTable(cloud);
    const entry = trailEntry(request, [requestEvent('RequestOpened', 'x')], at);
    await table.put(rowKey('airlock', request.id), entry);
    await table.put(rowKey('airlock', request.id, 'ROUND#00000001#approved'), entry);
    await table.put(rowKey('airlocks', request.id, trailKey(at, 1)), entry);
    await table.put(rowKey('airlock', request.id, trailKey(at, 1)), {
      ...entry,
      events: [requestEvent('RequestEdited', 'y')],
    });
    const said = await bus.until(request.id, all => all.length >= 1);
    expect(said.map(({ name }) => name)).toEqual(['RequestEdited']);
  });
});

it('publishes the events of a request from draft to vote in one order, with every view by a reviewer', async () => {
  const { params } = await submit({ 'a.csv': 'region,n\nNorth,20\nSouth,30\n' });
  await settle(params, ['inReview']);
  await people.vera.ask('listFiles', { params });
  await people.vera.ask('viewFile', { params, query: { path: 'a.csv' } });
  await vote(people.vera, params, 'approve');
  const said = await bus.until(params.request, all => all.some(({ name }) => name === 'VoteCast'));
  const inOrder = [...said].sort((a, b) => (a.about.id < b.about.id ? -1 : 1));
  expect(inOrder.map(({ name }) => name)).toEqual([
    'RequestOpened',
    'RequestSubmitted',
    'RequestSealed',
    'ReviewOpened',
    'FileViewed',
    'FileViewed',
    'VoteCast',
  ]);
  expect(inOrder[5]?.about).toMatchObject({ project, by: people.vera.id, path: 'a.csv' });
  expect(JSON.stringify(said)).not.toMatch(/approve|Vote 1/);
});
