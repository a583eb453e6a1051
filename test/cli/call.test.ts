import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentFor, type CallInput, createApiClient } from '../../bin/cli/call.ts';
import type { ExitError } from '../../bin/cli/exit.ts';
import type { ActiveProfile } from '../../bin/cli/profile.ts';
import { repositoryRoot } from '../../local/cloud.ts';
import { makeTestFolder } from './harness.ts';

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}
type Answer = [status: number, body: unknown, headers?: Record<string, string>] | 'hang up';

let server: Server;
let place: ActiveProfile;
let answers: Answer[];
let requests: Seen[];

/** A server that plays a failing API: it gives the listed answers in order, and repeats the last. */
beforeAll(async () => {
  const folder = makeTestFolder(afterAll);
  const [ca, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  execFileSync(join(repositoryRoot, '.venv/bin/python'), [
    join(repositoryRoot, 'local/python/certificate.py'),
    ca,
    key,
  ]);
  server = createServer({ cert: readFileSync(ca), key: readFileSync(key) }, (request, response) => {
    let body = '';
    request.on('data', chunk => {
      body += chunk;
    });
    request.on('end', () => {
      requests.push({ method: request.method, url: request.url, headers: request.headers, body });
      const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? 'hang up';
      if (answer === 'hang up') return request.socket.destroy();
      const [status, value, headers = {}] = answer;
      const plain = typeof value === 'string' || value instanceof Uint8Array;
      response.writeHead(status, headers).end(plain ? value : JSON.stringify(value));
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const api = `https://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`;
  const embedded = { endpoint: api, ca: readFileSync(ca, 'utf8'), account: '000000000000', people: [] };
  place = { name: 'local', api, pool: 'eu-west-2_a', client: 'c', region: 'eu-west-2', embedded };
});
afterAll(() => server.close());
beforeEach(() => {
  answers = [[200, {}]];
  requests = [];
});

const renewals: boolean[] = [];
const api = (profile = place) =>
  createApiClient(
    profile,
    agentFor(profile),
    async renewal => {
      renewals.push(renewal);
      return renewal ? 'new' : 'old';
    },
    { backoff: () => 1 },
  );
const create: CallInput = { body: { id: 'asthma', title: 'A' } };
const failing = (run: Promise<unknown>): Promise<ExitError> =>
  run.then(
    () => {
      throw new Error('it went well');
    },
    error => error,
  );
const keys = () => new Set(requests.map(({ headers }) => headers['idempotency-key']));

describe('a call', () => {
  it('carries path, query, body and token; parameters cannot leave their place in the path', async () => {
    await api().call('showProject', { params: { project: '../me?x=1#' } });
    await api().call('listProjects', { query: { limit: 5, next: 'a&b=c' } });
    await api().call('createProject', create);
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /v1/projects/..%2Fme%3Fx%3D1%23',
      'GET /v1/projects?limit=5&next=a%26b%3Dc',
      'POST /v1/projects',
    ]);
    expect(requests[2]?.body).toBe('{"id":"asthma","title":"A"}');
    expect(requests[2]?.headers.authorization).toBe('Bearer old');
  });
  it('needs no token for a route that is open to anyone', async () => {
    renewals.length = 0;
    await api().call('showApi');
    expect(requests[0]?.headers.authorization).toBeUndefined();
    expect(renewals).toEqual([]);
  });
  it('carries a new key for each write, and none for a read or a secret', async () => {
    await api().call('createProject', create);
    await api().call('createProject', create);
    expect(keys().size).toBe(2);
    for (const key of keys()) expect(key).toMatch(/^[\x21-\x7e]{8,128}$/);
    requests = [];
    await api().call('listProjects');
    await api().call('uploadAccess', { params: { delivery: 'dl-0011223344556677' } });
    expect([...keys()]).toEqual([undefined]);
  });
});

describe('a bad day', () => {
  it.each<[string, Answer]>([
    ['a 500', [500, {}]],
    ['a 503 page of a gateway', [503, '<html>']],
    ['a 429', [429, {}]],
    ['a broken connection', 'hang up'],
  ])('%s is tried again with the same key', async (_, bad) => {
    answers = [bad, bad, [202, { id: 'asthma' }]];
    expect(await api().call('createProject', create)).toEqual({ id: 'asthma' });
    expect(requests).toHaveLength(3);
    expect(keys().size).toBe(1);
  });
  it('repeats a conflict after a failed attempt, because that attempt may still run, and no other conflict', async () => {
    answers = ['hang up', [409, { detail: 'still under way' }], [202, { id: 'asthma' }]];
    expect(await api().call('createProject', create)).toEqual({ id: 'asthma' });
    answers = [[409, { detail: 'taken' }]];
    expect(await failing(api().call('createProject', create))).toMatchObject({ ending: 'refused', message: 'taken' });
  });
  it('ends as a fault after five attempts', async () => {
    answers = [[500, { title: 'Unexpected error', detail: 'Quote abc.', status: 500 }]];
    const exit = await failing(api().call('createProject', create));
    expect(exit).toMatchObject({
      ending: 'fault',
      message: 'Quote abc.',
      problem: { status: 500, title: 'Unexpected error' },
    });
    expect(requests).toHaveLength(5);
  });
  it('reports a busy API as a fault, not as a refusal', async () => {
    answers = [[429, { message: 'Too Many Requests' }]];
    expect(await failing(api().call('listProjects'))).toMatchObject({ ending: 'fault' });
  });
  it('names the address when nothing answers there', async () => {
    const closed = { ...place, api: 'https://127.0.0.1:1/v1' };
    expect((await failing(api(closed).call('listProjects'))).message).toMatch(
      /127\.0\.0\.1:1 does not answer: nothing listens there.*npm start/,
    );
  });
  it('returns bytes unchanged, also when there are none', async () => {
    const params = { project: 'asthma', request: 'al-0011223344556677' };
    for (const bytes of [Uint8Array.from([0, 255, 123, 125, 10, 195]), new Uint8Array()]) {
      answers = [[200, bytes, { 'content-type': 'application/octet-stream' }]];
      expect(new Uint8Array(await api().ask('downloadPart', { params, body: {} }))).toEqual(bytes);
    }
    answers = [[200, { bytes: 1 }]];
    await expect(api().ask('downloadPart', { params, body: {} })).rejects.toThrow();
  });
  it('reports an answer that is not JSON as a fault', async () => {
    answers = [[200, '<html>']];
    expect(await failing(api().call('listProjects'))).toMatchObject({ ending: 'fault' });
  });
});

describe('a refusal', () => {
  it.each([400, 403, 404, 409, 413, 422])('reports a %i once, with its reasons', async status => {
    answers = [[status, { type: 'urn:broch:problem:x', title: 'No', status, detail: 'Because.', errors: ['id: bad'] }]];
    const exit = await failing(api().call('createProject', create));
    expect(exit).toMatchObject({ ending: 'refused', message: 'Because.' });
    expect(exit.problem).toEqual({
      type: 'urn:broch:problem:x',
      title: 'No',
      status,
      detail: 'Because.',
      errors: ['id: bad'],
    });
    expect(requests).toHaveLength(1);
  });
  it('of a token is repeated once with a new token', async () => {
    renewals.length = 0;
    answers = [
      [401, { message: 'Unauthorized' }],
      [200, { items: [] }],
    ];
    expect(await api().call('listProjects')).toEqual({ items: [] });
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
    answers = [[401, { message: 'Unauthorized' }]];
    expect(await failing(api().call('listProjects'))).toMatchObject({ ending: 'unsigned' });
    expect(renewals).toEqual([false, true, false, true]);
  });
});

describe('trust', () => {
  it('extends to the embedded certificate for that place only', async () => {
    const { embedded: _, ...publicPlace } = place;
    expect((await failing(api(publicPlace).call('listProjects'))).message).toMatch(/certificate is not trusted/);
    expect(requests).toEqual([]);
  });
});
