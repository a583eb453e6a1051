import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import type { Route } from '../../functions/http/route.ts';
import { enrolLocalPerson } from '../../local/people.ts';
import { connectTestCloud } from '../cloud.ts';
import { openAgreement } from '../ingest/agreement.ts';
import { selectTrials } from '../trials.ts';
import { buildTestProfile, pollUntilAnswer, signInNewUser, toExamplePath } from './caller.ts';

const cloud = connectTestCloud();
type Person = Awaited<ReturnType<typeof signInNewUser>>;
let [olga, pia, paul]: Person[] = [];

beforeAll(async () => {
  [olga, pia, paul] = await Promise.all([
    signInNewUser(cloud, 'sec-once-olga', 'operator'),
    signInNewUser(cloud, 'sec-once-pia', 'partner'),
    signInNewUser(cloud, 'sec-once-paul', 'partner'),
  ]);
});

/** Opens a delivery: each that is made has an id of its own. */
const open = (person: Person | undefined, key: string, dataset = 'sec-once') => {
  if (!person) throw new Error('nobody');
  return person.ask('POST', '/deliveries', { key, body: { dataset } });
};
const countOf = async (person: Person | undefined, dataset: string) => {
  const { body } = (await person?.ask('GET', '/deliveries?limit=100')) ?? { body: { items: [] } };
  return body.items.filter((item: { dataset: string }) => item.dataset === dataset).length;
};

describe('a write under one key', () => {
  it('happens once, and a repetition gets the same answer', async () => {
    const key = randomUUID();
    const first = await open(pia, key, 'sec-twice');
    expect(first.status).toBe(201);
    for (let repetition = 0; repetition < 3; repetition++) expect(await open(pia, key, 'sec-twice')).toEqual(first);
    expect(await countOf(pia, 'sec-twice')).toBe(1);
  });

  it('happens once when it is sent ten times at the same time', async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => open(pia, key, 'sec-at-once')));
    expect(answers.filter(({ status }) => ![201, 409].includes(status))).toEqual([]);
    const ids = new Set(answers.flatMap(({ status, body }) => (status === 201 ? [body.id] : [])));
    expect(ids.size).toBe(1);
    for (const { status, body } of answers)
      if (status === 409) expect(body.detail).toContain('Repeat it in a moment with the same key');
    expect([...ids]).toEqual([(await open(pia, key, 'sec-at-once')).body.id]);
    expect(await countOf(pia, 'sec-at-once')).toBe(1);
  });

  it('is refused with another body, and does nothing', async () => {
    const key = randomUUID();
    const first = await open(pia, key, 'sec-one-body');
    const { status, type, body } = await open(pia, key, 'sec-other-body');
    expect([status, type]).toEqual([422, 'application/problem+json']);
    expect(body.detail).toBe('This Idempotency-Key was already used for a different request. Send a new key.');
    expect(await countOf(pia, 'sec-other-body')).toBe(0);
    expect(await open(pia, key, 'sec-one-body')).toEqual(first);
  });

  it('is the same whatever order and spacing its fields come in', async () => {
    const key = randomUUID();
    const body = { id: 'sec-once-order', title: 'Order' };
    const [first, second] = [
      await olga?.ask('POST', '/projects', { key, body }),
      await olga?.ask('POST', '/projects', { key, body: '{ "title": "Order",  "id": "sec-once-order" }' }),
    ];
    expect(first?.status).toBe(202);
    expect(second).toEqual(first);
  });

  it('is another write for another person, who sees nothing of the first', async () => {
    const key = randomUUID();
    const [piaDelivery, paulDelivery] = [await open(pia, key, 'sec-shared-key'), await open(paul, key, 'sec-his')];
    expect([piaDelivery.status, paulDelivery.status]).toEqual([201, 201]);
    expect(paulDelivery.body.id).not.toBe(piaDelivery.body.id);
    expect(paulDelivery.body.partner).not.toBe(piaDelivery.body.partner);
  });

  it('is another write at another address', async () => {
    const key = randomUUID();
    const creation = await olga?.ask('POST', '/projects', { key, body: { id: 'sec-once-a', title: 'A' } });
    const retry = await olga?.ask('POST', '/projects/sec-once-none/retry', { key });
    expect([creation?.status, retry?.status]).toEqual([202, 404]);
  });

  it('can be repeated after it failed, and then happens', async () => {
    await pollUntilAnswer(
      () => olga?.ask('GET', '/projects/sec-once-a') ?? Promise.reject(new Error('nobody')),
      ({ status }) => status === 200,
    );
    const key = randomUUID();
    const add = (roles: string[]) =>
      olga?.ask('PUT', '/projects/sec-once-a/members/sec-once-late', { key, body: { roles } });
    expect((await add(['researcher']))?.status).toBe(404);
    await enrolLocalPerson(buildTestProfile(cloud), cloud.configuration, 'sec-once-late', 'researcher');
    const addition = await add(['researcher']);
    expect(addition?.status).toBe(200);
    expect(await add(['researcher'])).toEqual(addition);
    expect((await add(['lead']))?.status).toBe(422);
  });

  it('leaves the key unused when the request was refused for its format', async () => {
    const key = randomUUID();
    expect((await open(pia, key, 'NOT A NAME')).status).toBe(400);
    expect((await open(pia, key, 'sec-formed')).status).toBe(201);
  });
});

describe('the key', () => {
  const writes = (Object.entries(routes) as [string, Route][]).filter(
    ([, { method, mints, callers }]) =>
      method !== 'GET' &&
      !mints &&
      callers !== 'anyone' &&
      callers.some(({ group, member }) => group === 'operator' && !member),
  );
  const bodies: Record<string, object> = {
    createProject: { id: 'sec-once-unkeyed', title: 'None' },
    addMember: { roles: ['lead'] },
    removeMember: { reason: 'none' },
    changeSettings: { settings: { tier: 3 }, reason: 'none' },
    revokeRequest: { reason: 'none' },
    withdrawRequest: { reason: 'none' },
    registerPartner: openAgreement,
    setPartnerKeys: { keys: [] },
    setContract: { resources: [{ path: '*.csv', schema: { fields: [{ name: 'id' }] } }] },
    governDataset: { owner: 'sam', title: 'A', controller: 'B', licence: 'C', purposes: ['research'] },
    suspendDataset: { reason: 'none' },
    approvePackage: { tier: 2, format: 'pypi', name: 'lifelines' },
    refusePackage: { tier: 2, format: 'pypi', name: 'lifelines', reason: 'none' },
    revokePackage: { tier: 2, format: 'pypi', name: 'lifelines', reason: 'none' },
    setPackageTier: { tier: 2 },
    approveImage: { digest: '0'.repeat(64) },
    rejectImage: { reason: 'none' },
    rollBackImage: { reason: 'none' },
    unpinImage: { reason: 'none' },
    approveQueue: { dollars: 10 },
    approveContainer: { image: `quay/python@sha256:${'a'.repeat(64)}` },
    withdrawContainer: { image: `quay/python@sha256:${'a'.repeat(64)}` },
    pinImage: { version: 1, until: '2099-01-01', reason: 'none' },
  };

  const keylessWrites = selectTrials('writes without a key', writes, ([, { capability }]) => [capability]);

  it.each(keylessWrites)('is asked for by %s', async (name, route) => {
    // A project that exists: the key matters only to what would be done.
    const path = toExamplePath(route).replace(/(projects|pins)\/sec-none/, '$1/sec-once-order');
    const answer = await olga?.ask(route.method, path, { body: bodies[name] ?? {} });
    expect([answer?.status, answer?.type]).toEqual([400, 'application/problem+json']);
    expect(answer?.body.detail).toBe(
      'Send an Idempotency-Key header of 8 to 128 printable characters, a new one for each new request.',
    );
  });

  it.each(['short', 'x'.repeat(129), 'with a space', 'tab\tbed-key'])('%j is none', async key => {
    expect((await open(pia, key)).status).toBe(400);
  });

  it.each(['ONCE#1ONCE#1', '{"$ne":null}', '../../../../etc', "' OR '1'='1"])('%j is one like any other', async key => {
    const [dataset, strange] = ['sec-strange', key.replaceAll(' ', '_')];
    const first = await open(pia, strange, dataset);
    expect(first.status).toBe(201);
    expect(await open(pia, strange, dataset)).toEqual(first);
  });

  it('is not needed for secrets that are made for each call, and does not store them', async () => {
    const { body } = await open(pia, randomUUID(), 'sec-minted');
    const key = randomUUID();
    const mint = () => pia?.ask('POST', `/deliveries/${body.id}/access`, { key });
    const [first, second] = [await mint(), await mint()];
    expect([first?.status, second?.status]).toEqual([200, 200]);
    expect(second?.body.secretAccessKey).not.toBe(first?.body.secretAccessKey);
  });
});
