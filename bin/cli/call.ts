import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as z from 'zod';
import { type RouteName, type Routes, routes } from '../../functions/api/routes.ts';
import type { Route } from '../../functions/http/route.ts';
import { describeCause, isLastingNetworkError } from './error-text.ts';
import { type CliProblem, ExitError } from './exit.ts';
import type { ActiveProfile } from './profile.ts';

export interface CallInput {
  readonly params?: Record<string, unknown> | undefined;
  readonly query?: Record<string, unknown> | undefined;
  readonly body?: Record<string, unknown> | undefined;
}

/** The API as one person. `call` returns the raw answer (JSON or bytes), `ask` parses it with its schema. */
export interface ApiClient {
  readonly place: ActiveProfile;
  call(name: RouteName, input?: CallInput): Promise<unknown>;
  ask<N extends RouteName>(name: N, input?: CallInput): Promise<z.output<Routes[N]['returns']>>;
}

/** Access tokens of the signed-in person; `renewal` asks for a new one after the API refused the last. */
export type AccessTokenSource = (renewal: boolean) => Promise<string>;

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly isJson: boolean;
  readonly retryAfter: number;
}

const attempts = 5;
/** Longer than the API's own timeout (30 s). */
const patience = 40_000;

/** Larger than the API's largest answer. */
const longest = 16 * 1024 ** 2;

/** Connections to an API. The embedded cloud's certificate is trusted here and nowhere else. */
export const agentFor = (place: ActiveProfile): Agent =>
  new Agent({ keepAlive: true, ...(place.embedded && { ca: place.embedded.ca }) });

function send(url: URL, agent: Agent, method: string, headers: Record<string, string>, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(url, { agent, method, headers, timeout: patience }, answer => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', chunk => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > longest) call.destroy(new Error(`an answer of more than ${longest} bytes`));
      });
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          body: Buffer.concat(chunks),
          isJson: !String(answer.headers['content-type']).startsWith('application/octet-stream'),
          retryAfter: Number(answer.headers['retry-after']) || 0,
        }),
      );
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${patience / 1000} seconds`)));
    call.on('error', reject);
    call.end(body);
  });
}

function urlOf(place: ActiveProfile, route: Route, { params = {}, query = {} }: CallInput): URL {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const url = new URL(place.api.replace(/\/+$/, '') + path);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) for (const item of [value].flat()) url.searchParams.append(name, String(item));
  }
  return url;
}

/** Turns an error response of the API, or of a gateway in front of it, into an error of the command line. */
function exitFor({ status, body }: Answer): ExitError {
  let answer: Partial<CliProblem> & { message?: string } = {};
  try {
    answer = JSON.parse(body.toString('utf8')) ?? {};
  } catch {
    // The answer does not come from the API: a proxy's page, or nothing.
  }
  const detail = answer.detail ?? answer.message ?? `The API answered with status ${status}.`;
  const fields = { ...(answer.detail !== undefined && answer), status } as Partial<CliProblem>;
  if (status === 404 && answer.detail === undefined)
    return new ExitError(
      'refused',
      'The API at this address does not have this operation. It may be older than this command line.',
      fields,
    );
  if (status === 401)
    return new ExitError('unsigned', 'The API does not accept this sign-in. Sign in again: broch login', fields);
  if (status === 429)
    return new ExitError('fault', 'The API is still busy after several tries. Try again in a minute.', fields);
  return new ExitError(status >= 400 && status < 500 ? 'refused' : 'fault', detail, fields);
}

const unreachable = (place: ActiveProfile, error: NodeJS.ErrnoException): ExitError =>
  new ExitError(
    'fault',
    `${new URL(place.api).host} does not answer: ${describeCause(error)}. ` +
      (place.embedded ? 'Check that `npm start` is still running.' : 'Check the network and the address.'),
  );

export interface RetryPolicy {
  /** Milliseconds to wait before attempt `attempt` (from 1). */
  readonly backoff: (attempt: number) => number;
}
const usual: RetryPolicy = { backoff: attempt => Math.random() * Math.min(8000, 250 * 2 ** attempt) };

/**
 * The API of a profile. A write carries a new Idempotency-Key, so it can be retried safely when the network or the
 * service fails or is busy.
 */
export function createApiClient(
  place: ActiveProfile,
  agent: Agent,
  tokens: AccessTokenSource,
  { backoff }: RetryPolicy = usual,
): ApiClient {
  async function call(name: RouteName, input: CallInput = {}): Promise<unknown> {
    const route: Route = routes[name];
    const url = urlOf(place, route, input);
    const body = route.body ? JSON.stringify(input.body ?? {}) : undefined;
    const key = route.method === 'GET' || route.mints ? undefined : randomUUID();
    let token = route.callers === 'anyone' ? undefined : await tokens(false);
    let hasRenewed = false;
    let failed: ExitError | undefined;
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const headers: Record<string, string> = {
        accept: 'application/json, application/problem+json',
        ...(token && { authorization: `Bearer ${token}` }),
        ...(key && { 'idempotency-key': key }),
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': `${Buffer.byteLength(body)}`,
        }),
      };
      let wait = backoff(attempt);
      try {
        const answer = await send(url, agent, route.method, headers, body);
        if (answer.status >= 200 && answer.status < 300)
          return answer.isJson ? JSON.parse(answer.body.toString('utf8')) : answer.body;
        // 409 after an attempt that may have reached the service: that attempt may still be running there.
        const isRetryable = answer.status >= 500 || answer.status === 429 || (answer.status === 409 && failed && key);
        if (answer.status === 401 && token && !hasRenewed) {
          hasRenewed = true;
          token = await tokens(true);
          wait = 0;
        } else if (!isRetryable) throw exitFor(answer);
        failed = exitFor(answer);
        wait = Math.max(wait, answer.status === 409 ? 1000 : 0, Math.min(20, answer.retryAfter) * 1000);
      } catch (error) {
        if (error instanceof ExitError) throw error;
        if (error instanceof SyntaxError)
          throw new ExitError('fault', 'The answer of the API is not valid JSON. Check the address.');
        failed = unreachable(place, error as NodeJS.ErrnoException);
        // Nothing is at the address. Wait briefly in case of a restart.
        if (isLastingNetworkError(error) && attempt >= 2) break;
      }
      if (attempt < attempts) await sleep(wait);
    }
    throw failed ?? new ExitError('fault', 'The API did not answer.');
  }
  return {
    place,
    call,
    async ask<N extends RouteName>(name: N, input?: CallInput) {
      return routes[name].returns.parse(await call(name, input)) as z.output<Routes[N]['returns']>;
    },
  };
}
