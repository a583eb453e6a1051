import { createHash } from 'node:crypto';
import type { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { APIGatewayProxyEventV2WithJWTAuthorizer, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import * as z from 'zod';
import { logger } from '../handler.ts';
import type { Membership } from '../membership.ts';
import { Refused } from '../refused.ts';
import { refuseUnknownAddress } from './address.ts';
import { runOnce } from './idempotency.ts';
import { parseInput, readBody, readQuery } from './input.ts';
import { toProblem } from './problem.ts';
import { type Capability, type Route, type UserGroup, userGroups } from './route.ts';

type Event = APIGatewayProxyEventV2WithJWTAuthorizer;
type Output<R, K extends string> = R extends { [P in K]: z.ZodType<infer T> } ? T : undefined;

/** The caller: id and name come from the claims of the verified token only. */
export interface User {
  readonly id: string;
  readonly name: string;
  /** The groups of the token that the user pool confirms. */
  readonly groups: readonly UserGroup[];
}

/** The caller of a route. The membership in the project of the path is read once for each call. */
export interface Caller extends User {
  readonly membership: () => Promise<Membership | undefined>;
}

export interface ApiCall<R extends Route> {
  readonly user: Caller;
  /** The caller's IP address, as API Gateway reports it. */
  readonly source: string;
  readonly params: Output<R, 'params'>;
  readonly query: Output<R, 'query'>;
  readonly body: Output<R, 'body'>;
  /** Equal for repetitions of a call: derived from the Idempotency-Key and the caller; empty without a key. */
  readonly mark: string;
}

type Table = Readonly<Record<string, Route>>;
type Own<T extends Table, C extends Capability> = {
  [N in keyof T as T[N]['capability'] extends C ? N : never]: T[N];
};

/** One operation for each route of a capability: a missing or misspelt one does not compile. */
export type Operations<T extends Table, C extends Capability> = {
  [N in keyof Own<T, C>]: (call: ApiCall<Own<T, C>[N]>) => Promise<z.input<Own<T, C>[N]['returns']>>;
};

export interface ApiWiring {
  /** The membership of a user in a project; required for routes below a project. */
  readonly membership?: (project: string, user: string) => Promise<Membership | undefined>;
  /** Whether a project exists; required for operations that people outside of it may call. */
  readonly hasProject?: (project: string) => Promise<boolean>;
  /** The groups in which the user pool lists the person now. */
  readonly groups: (person: { id: string; name: string }) => Promise<readonly UserGroup[]>;
  /** The store for results of writes by idempotency key; required for capabilities with writes. */
  readonly once?: DynamoDBPersistenceLayer;
}

const Claims = z.object({
  sub: z.string().min(1),
  username: z.string().min(1),
  token_use: z.literal('access'),
  // API Gateway formats an array claim as "[a b]".
  'cognito:groups': z
    .union([z.string(), z.array(z.string())])
    .default([])
    .transform(value => (typeof value === 'string' ? value.replace(/^\[|\]$/g, '').split(/[\s,]+/) : value)),
});

function userOf(event: Event): User {
  const claims = Claims.safeParse(event.requestContext.authorizer?.jwt?.claims);
  if (!claims.success)
    throw new Refused('forbidden', 'This needs the access token of a signed-in person. Sign in: broch login.');
  const { sub, username, 'cognito:groups': groups } = claims.data;
  return { id: sub, name: username, groups: userGroups.filter(group => groups.includes(group)) };
}

/** Drops the groups that the user pool no longer confirms: the token says them until it expires. */
async function confirmGroups(user: User, wiring: ApiWiring): Promise<User> {
  if (user.groups.length === 0) return user;
  const confirmed = await wiring.groups(user);
  return { ...user, groups: user.groups.filter(group => confirmed.includes(group)) };
}

const groupNames: Readonly<Record<UserGroup, string>> = {
  operator: 'operators',
  steward: 'data stewards',
  partner: 'data partners',
  researcher: 'researchers',
  reviewer: 'reviewers',
};

/** `Only data partners can do this; you are olga (operator).` */
function explainCallers(callers: Exclude<Route['callers'], 'anyone'>, { name, groups }: User): string {
  const allowed = [...new Set(callers.map(({ group }) => groupNames[group]))].join(' or ');
  return `Only ${allowed} can do this; you are ${name} (${groups.join(', ') || 'in no group'}).`;
}

/** `Only a lead of asthma can do this; you are researcher there.` */
function explainRoles(
  callers: Exclude<Route['callers'], 'anyone'>,
  project: string | undefined,
  roles: readonly string[],
) {
  const allowed = [...new Set(callers.flatMap(({ member }) => member ?? []))].join(' or a ');
  return `Only a ${allowed} of ${project} can do this; you are ${roles.join(' and ')} there.`;
}

/** Refuses unless one entry of `callers` applies. Answers 404 to outsiders, so that they cannot find out which projects exist. */
async function authorise(route: Route, user: Caller, project: string | undefined, wiring: ApiWiring): Promise<void> {
  if (route.callers === 'anyone') return;
  const possible = route.callers.filter(({ group }) => user.groups.includes(group));
  if (possible.length === 0) throw new Refused('forbidden', explainCallers(route.callers, user));
  if (possible.some(({ member }) => member === undefined)) {
    if (project === undefined || !wiring.hasProject || (await wiring.hasProject(project))) return;
    throw new Refused('missing', `There is no project ${project}.`);
  }
  const roles = (await user.membership())?.roles ?? [];
  if (possible.some(({ member }) => member?.some(role => roles.includes(role)))) return;
  if (roles.length > 0) throw new Refused('forbidden', explainRoles(possible, project, roles));
  throw new Refused('missing', `There is no project ${project}, or you are not a member of it.`);
}

/** Reads the caller's membership when it is first asked for, and only then. */
function membershipReader({ id }: User, project: string | undefined, { membership }: ApiWiring): Caller['membership'] {
  let read: ReturnType<Caller['membership']> | undefined;
  return () => {
    read ??= Promise.resolve(project === undefined ? undefined : membership?.(project, id));
    return read;
  };
}

/** The path does not count as it was sent: the gateway takes `//projects` for `/projects`. */
function markOf({ id }: User, { headers, routeKey, body }: Event, params: unknown): string {
  const key = headers['idempotency-key'];
  if (!key) return '';
  return createHash('sha256')
    .update(JSON.stringify([id, routeKey, params, key, body]))
    .digest('base64url')
    .slice(0, 22);
}

function reply(status: number, body: unknown, type = 'application/json'): APIGatewayProxyStructuredResultV2 {
  const bytes = body instanceof Uint8Array;
  return {
    statusCode: status,
    headers: {
      'content-type': bytes ? 'application/octet-stream' : type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(bytes && { 'content-disposition': 'attachment' }),
    },
    ...(bytes ? { body: Buffer.from(body).toString('base64'), isBase64Encoded: true } : { body: JSON.stringify(body) }),
  };
}

/**
 * The Lambda handler of one capability's routes: authorises, parses, runs the operation once and answers. Errors become
 * RFC 9457 problem documents.
 */
export function http<T extends Table, C extends Capability>(
  routes: T,
  _capability: C,
  operations: Operations<T, C>,
  wiring: ApiWiring,
) {
  const runWrite = runOnce(wiring.once);

  async function serve(event: Event, context: Context): Promise<APIGatewayProxyStructuredResultV2> {
    const name = Object.keys(operations).find(operation => {
      const { method, path } = routes[operation] ?? {};
      return `${method} ${path}` === event.routeKey;
    });
    const route = name === undefined ? undefined : routes[name];
    if (name === undefined || route === undefined) refuseUnknownAddress(routes, event);
    const open = route.callers === 'anyone';
    const person = open ? { id: '', name: '', groups: [] } : await confirmGroups(userOf(event), wiring);
    logger.appendKeys({ user: person.id, route: event.routeKey });
    const params = parseInput(route.params, event.pathParameters, 'path');
    const project = params?.project as string | undefined;
    const user = { ...person, membership: membershipReader(person, project, wiring) };
    await authorise(route, user, project, wiring);
    const call = {
      user,
      source: event.requestContext.http?.sourceIp ?? '',
      params,
      query: parseInput(route.query, readQuery(event), 'query'),
      body: parseInput(route.body, readBody(event), 'body'),
      mark: markOf(user, event, params),
    };
    const operation = operations[name as keyof Operations<T, C>] as unknown as (
      request: typeof call,
    ) => Promise<unknown>;
    const run = async () => route.returns.parse(await operation(call)) as object;
    const result =
      route.method === 'GET' || route.mints
        ? await run()
        : await runWrite(run, { user: user.id, event, context, request: { params, body: call.body } });
    return reply(route.status, result);
  }

  return middy<Event, APIGatewayProxyStructuredResultV2>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .handler(async (event, context) => {
      try {
        return await serve(event, context);
      } catch (error) {
        const { status, ...rest } = toProblem(error, context.awsRequestId);
        if (status >= 500) logger.error('unexpected', { error: error as Error });
        else logger.info('refused', { status, detail: rest.detail });
        const answer = reply(status, { status, ...rest }, 'application/problem+json');
        const allow = status === 405 && { allow: rest.errors?.join(', ') ?? '' };
        return { ...answer, headers: { ...answer.headers, ...allow } };
      }
    });
}
