import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Request } from '../../functions/airlock/request/request.ts';
import { dueKey, WAITING_SUFFIX } from '../../functions/airlock/store.ts';
import { rowKey } from '../../functions/keys.ts';
import { airlockScene, setRequestField, setRowField } from './harness.ts';
import { createSweepHarness, lockSweeper } from './sweep-harness.ts';

const { cloud, people, project, approve } = airlockScene('airlock-damage');
const files = { 'a.csv': 'group,n\na,20\nb,30\n' };
/** As `approvedDays` of 100,000,000 wrote it. No date that rows may hold. */
const farDate = '+275760-09-13T00:00:00.000Z';

let unlock = () => {};
let tools: Awaited<ReturnType<typeof createSweepHarness>>;
let [damaged, sound] = [
  { project, request: '' },
  { project, request: '' },
];

const statusesOf = async (items: Promise<{ items: { id: string; status: string }[] }>) =>
  Object.fromEntries((await items).items.map(({ id, status }) => [id, status]));
const list = () => statusesOf(people.rana.ask('listRequests', { params: { project } }));
const queue = () => statusesOf(people.vera.ask('listQueue', { query: { limit: 100 } }));

beforeAll(async () => {
  unlock = await lockSweeper(cloud);
  tools = await createSweepHarness(cloud);
  [damaged, sound] = [await approve(files), await approve({ 'b.csv': files['a.csv'] })];
  const { request } = damaged;
  await setRequestField(cloud, request, 'expiresAt', farDate);
  for (const list of [project, '', WAITING_SUFFIX])
    await setRowField(cloud, rowKey('airlocks', list, request), 'due', farDate);
  await tools.table.put(dueKey({ due: farDate, request }), { project, request, due: farDate });
});
afterAll(() => unlock());

describe('an approved request whose row holds a date past the year 9999', () => {
  it('is damaged in the list, in the queue and by itself, beside all others', async () => {
    for (const statuses of [await list(), await queue()])
      expect(statuses).toMatchObject({ [damaged.request]: 'damaged', [sound.request]: 'approved' });
    for (const person of [people.rana, people.vera, people.olga]) {
      const view = await person.ask('showRequest', { params: damaged });
      expect(view).toMatchObject({ id: damaged.request, title: 'T', status: 'damaged' });
      expect(view.reason).toContain('(expiresAt)');
    }
  });

  it('gives nothing away', async () => {
    await expect(people.vera.ask('listFiles', { params: damaged })).rejects.toThrow(/is damaged/);
    await expect(people.olga.ask('releaseRequest', { params: damaged })).rejects.toThrow(/is damaged/);
    const download = people.rana.ask('openDownload', { params: damaged, body: {} });
    await expect(download).rejects.toThrow(/is damaged/);
  });

  it('fails the sweep, whose alarm names it, while the rest is swept', async () => {
    await tools.pass(sound.request);
    expect((await tools.sweep()).failed).toMatch(/requests could not be swept/);
    const { status } = await people.vera.ask('showRequest', { params: sound });
    expect(status).toBe('expired');
  });

  it('can be revoked, and is then as any other', async () => {
    await people.olga.ask('revokeRequest', { params: damaged, body: { reason: 'its row was damaged' } });
    const row = Request.parse(await tools.table.get(rowKey('airlock', damaged.request)));
    expect(row).toMatchObject({ status: 'revoked', reason: 'its row was damaged', revokedBy: { id: people.olga.id } });
    expect(await list()).toMatchObject({ [damaged.request]: 'revoked' });
    expect(Object.keys(await queue())).not.toContain(damaged.request);
    expect(await tools.sweep()).toMatchObject({ failed: 0 });
    const { items } = await people.vera.ask('listTrail', { params: damaged });
    expect(items[0]).toMatchObject({ name: 'RequestRevoked', by: people.olga.id });
  });
});
