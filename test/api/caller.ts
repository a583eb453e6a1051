import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Group, Route } from '../../functions/http/route.ts';
import { enrol, signInAs } from '../../local/people.ts';
import type { cloud } from '../cloud.ts';

type Cloud = ReturnType<typeof cloud>;

export interface Answer {
  readonly status: number;
  readonly type: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: what the API answers is what is under test
  readonly body: any;
}

export interface Asked {
  readonly token?: string;
  readonly body?: string | object;
  readonly key?: string;
  readonly headers?: Record<string, string>;
}

/** One request as it is, and the answer as it came: nothing is added, repeated or understood. */
export async function ask({ api }: Cloud, method: string, path: string, asked: Asked = {}): Promise<Answer> {
  const { token, body, key, headers } = asked;
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
export const placeOf = (of: Cloud, pool = of.outputs['data.Pool'] ?? '', client = of.outputs['data.Client'] ?? '') => ({
  name: 'test',
  api: of.api,
  pool,
  client,
  region: of.region,
  embedded: { endpoint: of.endpoint, account: of.account, ca: readFileSync(of.ca, 'utf8'), people: [] },
});

/** Somebody new in a group, signed in with password and code. */
export async function someone(of: Cloud, name: string, group: Group) {
  const place = placeOf(of);
  const person = await enrol(place, of.configuration, name, group);
  const { access: token } = await signInAs(place, person);
  return {
    name,
    token,
    person,
    ask: (method: string, path: string, asked: Asked = {}) => ask(of, method, path, { token, ...asked }),
    /** A write under a key of its own. */
    write: (method: string, path: string, body?: object) =>
      ask(of, method, path, { token, key: randomUUID(), ...(body && { body }) }),
  };
}

/** Values that a route's path and body may have, for asking it anything at all. */
export const examples: Record<string, string> = {
  project: 'sec-none',
  workspace: 'ws-001122334455',
  delivery: 'dl-0011223344556677',
  dataset: 'sec-none',
  name: 'sec-nobody',
  date: '2026-11-01',
  request: 'al-0011223344556677',
};

export const pathOf = ({ path }: Route): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => examples[name] ?? 'x');

/** Asks until `good` holds of the answer, for a minute at most. */
export async function until(get: () => Promise<Answer>, good: (answer: Answer) => boolean): Promise<Answer> {
  let last = await get();
  for (const end = Date.now() + 60_000; !good(last) && Date.now() < end; last = await get()) await sleep(250);
  if (!good(last)) throw new Error(`it never became so; at last it was ${JSON.stringify(last)}`);
  return last;
}
