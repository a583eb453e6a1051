import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Route, UserGroup } from '../../functions/http/route.ts';
import { enrolLocalPerson, keepLocalSession, signInLocalPerson } from '../../local/people.ts';
import type { connectTestCloud } from '../cloud.ts';
import { registerAgreement } from '../ingest/agreement.ts';
import { pauseSince } from '../pause.ts';

type Cloud = ReturnType<typeof connectTestCloud>;

export interface RawAnswer {
  readonly status: number;
  readonly type: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: what the API answers is what is under test
  readonly body: any;
}

export interface RawRequest {
  readonly token?: string;
  readonly body?: string | object;
  readonly key?: string;
  readonly headers?: Record<string, string>;
}

/** One request as it is, and the answer as it came: nothing is added, repeated or understood. */
export async function sendRawRequest(
  { api }: Cloud,
  method: string,
  path: string,
  request: RawRequest = {},
): Promise<RawAnswer> {
  const { token, body, key, headers } = request;
  const answer = await fetch(`${api}${path}`, {
    method,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
      ...headers,
    },
  });
  const text = await answer.text();
  const type = answer.headers.get('content-type');
  return { status: answer.status, type, body: /json/.test(type ?? '') && text !== '' ? JSON.parse(text) : text };
}

/** The user pool and the API, as the command line knows them. */
export const buildTestProfile = (
  cloud: Cloud,
  pool = cloud.outputs['data.Pool'] ?? '',
  client = cloud.outputs['data.Client'] ?? '',
) => ({
  name: 'test',
  api: cloud.api,
  pool,
  client,
  region: cloud.region,
  embedded: { endpoint: cloud.endpoint, account: cloud.account, ca: readFileSync(cloud.ca, 'utf8'), people: [] },
});

/** Somebody new in a group, signed in with password and code. */
export async function signInNewUser(cloud: Cloud, name: string, group: UserGroup) {
  const place = buildTestProfile(cloud);
  const person = await enrolLocalPerson(place, cloud.configuration, name, group);
  if (group === 'partner') await registerAgreement(name);
  const tokens = await signInLocalPerson(place, person);
  const session = keepLocalSession(place, async () => tokens);
  return {
    name,
    token: tokens.access,
    person,
    ask: async (method: string, path: string, request: RawRequest = {}) =>
      sendRawRequest(cloud, method, path, { token: await session(false), ...request }),
    /** A write under a key of its own. */
    write: async (method: string, path: string, body?: object) =>
      sendRawRequest(cloud, method, path, { token: await session(false), key: randomUUID(), ...(body && { body }) }),
  };
}

/** Values that a route's path and body may have, for asking it anything at all. */
const exampleValues: Record<string, string> = {
  project: 'sec-none',
  workspace: 'ws-001122334455',
  delivery: 'dl-0011223344556677',
  dataset: 'sec-none',
  name: 'sec-nobody',
  date: '2026-11-01',
  request: 'al-0011223344556677',
  version: 'latest',
  later: 'latest',
  image: 'linux-desktop',
  use: 'du-0011223344556677',
  run: 'er-0011223344556677',
  job: 'job-0011223344556677',
  kind: 'cpu',
};

export const toExamplePath = ({ path }: Route): string =>
  path
    // Versions of images are numbers, those of datasets are not.
    .replace('/images/{image}/versions/{version}', '/images/{image}/versions/1')
    .replace(/\{(\w+)\}/g, (_, name: string) => exampleValues[name] ?? 'x');

/** Asks until `good` holds of the answer, for a minute at most. */
export async function pollUntilAnswer(
  get: () => Promise<RawAnswer>,
  good: (answer: RawAnswer) => boolean,
): Promise<RawAnswer> {
  let last = await get();
  for (const start = Date.now(); !good(last) && Date.now() < start + 60_000; last = await get())
    await pauseSince(start);
  if (!good(last)) throw new Error(`it never became so; at last it was ${JSON.stringify(last)}`);
  return last;
}
