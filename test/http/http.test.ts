import type { APIGatewayProxyEventV2WithJWTAuthorizer, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import { http, MAX_BODY_BYTES, type Operations } from '../../functions/http/http.ts';
import {
  type Capability,
  type ProjectRole,
  type Route,
  type UserGroup,
  userGroups,
} from '../../functions/http/route.ts';
import { Refused } from '../../functions/refused.ts';

interface Request {
  route: Route;
  claims?: Record<string, unknown> | undefined;
  params?: Record<string, string>;
  body?: string;
  headers?: Record<string, string>;
  query?: Record<string, string>;
}

const context = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => 30_000 } as Context;
const examples: Record<string, string> = {
  project: 'asthma',
  workspace: 'ws-001122334455',
  delivery: 'dl-0011223344556677',
  request: 'al-0011223344556677',
  dataset: 'admissions',
  version: 'latest',
  later: 'latest',
  name: 'rana',
  date: '2026-11-01',
};
const bodies: Record<string, object> = {
  createProject: { id: 'asthma', title: 'Asthma' },
  addMember: { roles: ['researcher'] },
  removeMember: { reason: 'left' },
  openDelivery: { dataset: 'admissions' },
  askWorkspace: { kind: 'linux' },
  draftRequest: {
    title: 'Table 1',
    source: 'data/outbox/table1/',
    groups: [{ name: 'table', kind: 'table', purpose: 'paper', paths: ['**'] }],
  },
  withdrawRequest: { reason: 'wrong table' },
  reviewRequest: { verdict: 'approve', seal: '0'.repeat(64) },
  returnRequest: { seal: '0'.repeat(64), comment: 'Round the counts.' },
  takeDownload: { token: 'A'.repeat(43) },
  downloadFiles: { token: 'A'.repeat(43) },
  downloadPart: { token: 'A'.repeat(43) },
  revokeRequest: { reason: 'a small count' },
};
const paramsOf = (route: Route) =>
  Object.fromEntries(Object.keys(route.params?.shape ?? {}).map(name => [name, examples[name] ?? 'x']));

const claimsOf = (groups: readonly string[], id = 'user-1') => ({
  sub: id,
  username: 'rana',
  token_use: 'access',
  'cognito:groups': `[${groups.join(' ')}]`,
});

/** Every operation of a capability answers with what `answer` says: what is under test is all that comes before it. */
async function ask(
  { route, claims, params = paramsOf(route), body, headers, query }: Request,
  answer: (call: unknown) => unknown = () => ({}),
  roles: ProjectRole[] = [],
  poolGroups: readonly UserGroup[] = userGroups,
) {
  const names = Object.entries(routes)
    .filter(([, candidate]) => candidate.capability === route.capability)
    .map(([name]) => name);
  const operations = Object.fromEntries(
    names.map(name => [name, async (call: unknown) => answer(call)]),
  ) as unknown as Operations<typeof routes, Capability>;
  const handler = http(routes, route.capability, operations, {
    roles: async (_, user) => (user === 'user-1' ? roles : []),
    groups: async () => poolGroups,
  });
  const event = {
    routeKey: `${route.method} ${route.path}`,
    rawPath: route.path,
    headers: headers ?? {},
    pathParameters: params,
    queryStringParameters: query,
    body,
    isBase64Encoded: false,
    requestContext: claims ? { authorizer: { jwt: { claims } } } : {},
  } as unknown as APIGatewayProxyEventV2WithJWTAuthorizer;
  const result = (await handler(event, context)) as APIGatewayProxyStructuredResultV2;
  const type = result.headers?.['content-type'];
  const { statusCode: status, body: text = '{}', isBase64Encoded } = result;
  return { status, type, body: isBase64Encoded ? Buffer.from(text, 'base64') : JSON.parse(text) };
}

const entries: [string, Route][] = Object.entries(routes);

describe('who may', () => {
  const denials = [403, 404];
  const allowed = (route: Route, groups: readonly UserGroup[], roles: readonly ProjectRole[]) =>
    route.callers === 'anyone' ||
    route.callers.some(
      ({ group, member }) => groups.includes(group) && (!member || member.some(role => roles.includes(role))),
    );

  it.each(entries)(
    '%s: any set of groups and project roles is let in exactly if the table says so',
    async (name, route) => {
      await fc.assert(
        fc.asyncProperty(
          fc.subarray([...userGroups]),
          fc.subarray<ProjectRole>(['lead', 'researcher']),
          async (groups, roles) => {
            const body = bodies[name];
            const { status } = await ask(
              { route, claims: claimsOf(groups), ...(body && { body: JSON.stringify(body) }) },
              () => ({}),
              roles,
            );
            expect(denials.includes(status ?? 0)).toBe(!allowed(route, groups, roles));
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it.each(entries)('%s: a group of the token counts only if the user pool confirms it', async (name, route) => {
    const body = bodies[name];
    await fc.assert(
      fc.asyncProperty(fc.subarray([...userGroups]), fc.subarray([...userGroups]), async (claims, confirmed) => {
        const request = { route, claims: claimsOf(claims), ...(body && { body: JSON.stringify(body) }) };
        const { status } = await ask(request, () => ({}), [], confirmed);
        const common = claims.filter(group => confirmed.includes(group));
        expect(denials.includes(status ?? 0)).toBe(!allowed(route, common, []));
      }),
      { numRuns: 30 },
    );
  });

  it('somebody outside a project cannot tell whether it exists', async () => {
    const { status, body } = await ask({ route: routes.listWorkspaces, claims: claimsOf(['researcher']) });
    expect(status).toBe(404);
    expect(body.detail).toContain('There is no project asthma, or you are not a member');
  });

  it.each([
    ['an id token', { token_use: 'id' }],
    ['no subject', { sub: '' }],
    ['no user name', { username: undefined }],
    ['groups nobody knows', { 'cognito:groups': '[root admin OPERATOR operators]' }],
    ['groups joined by something else', { 'cognito:groups': 'operator;steward' }],
  ])('%s opens nothing', async (_, change) => {
    const { status } = await ask({ route: routes.listProjects, claims: { ...claimsOf(['operator']), ...change } });
    expect(status).toBe(403);
  });

  it('identity comes from the claims, whatever body, headers and query say', async () => {
    let input: unknown;
    await ask(
      {
        route: routes.showMe,
        claims: claimsOf(['partner']),
        headers: { 'x-user': 'olga', sub: 'olga' },
        query: { user: 'olga', sub: 'olga', groups: 'operator' },
        body: JSON.stringify({ user: { id: 'olga', groups: ['operator'] } }),
      },
      call => {
        input = (call as { user: unknown }).user;
        return {};
      },
    );
    expect(input).toEqual({ id: 'user-1', name: 'rana', groups: ['partner'] });
  });
});

describe('errors', () => {
  const claims = claimsOf(['operator']);
  it('a refusal is a problem with its reason', async () => {
    const { status, type, body } = await ask({ route: routes.listProjects, claims }, () => {
      throw new Refused('conflict', 'Not while it is running. Stop it first.', ['a', 'b']);
    });
    expect([status, type]).toEqual([409, 'application/problem+json']);
    expect(body).toEqual({
      type: 'urn:broch:problem:conflict',
      title: 'Not now',
      status: 409,
      detail: 'Not while it is running. Stop it first.',
      instance: 'urn:broch:request:request-1',
      errors: ['a', 'b'],
    });
  });

  it('anything else is a 500 with an id and nothing of the inside', async () => {
    const { status, body } = await ask({ route: routes.listProjects, claims }, () => {
      throw new Error('AccessDenied on arn:aws:dynamodb:eu-west-2:1:table/secret');
    });
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toMatch(/arn:|secret|AccessDenied|Error:/);
    expect(body.detail).toContain('request-1');
  });

  it('an answer out of its form is our fault, and not shown', async () => {
    expect((await ask({ route: routes.listProjects, claims }, () => ({ items: 'none', password: 'x' }))).status).toBe(
      500,
    );
  });

  it('bytes go as they are, and only where bytes are the answer', async () => {
    const route = routes.downloadPart;
    const request = { route, claims: claimsOf(['researcher']), body: JSON.stringify(bodies.downloadPart) };
    const bytes = Buffer.from([0, 255, 123, 125, 10, 195]);
    const { status, type, body } = await ask(request, () => bytes);
    expect([status, type, body]).toEqual([200, 'application/octet-stream', bytes]);
    expect((await ask(request, () => ({ url: 'https://elsewhere' }))).status).toBe(500);
  });

  it.each([
    ['not JSON', '{"id":', 'not valid JSON'],
    ['another shape', '{"id":"A B","title":""}', 'does not have the format'],
    ['an array', '[]', 'does not have the format'],
    ['too much', JSON.stringify({ id: 'asthma', title: 'x'.repeat(MAX_BODY_BYTES) }), 'at most 65536 bytes'],
  ])('a body that is %s is refused with the remedy', async (_, body, message) => {
    const answer = await ask({ route: routes.createProject, claims, body });
    expect([400, 413]).toContain(answer.status);
    expect(answer.body.detail).toContain(message);
  });

  it('no body, path or page makes it fail by itself', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string(),
        fc.dictionary(fc.string(), fc.string()),
        fc.dictionary(fc.string(), fc.string()),
        async (body, params, query) => {
          const { status } = await ask({ route: routes.showProject, claims, body, params, query }, () => {
            throw new Refused('missing', 'none');
          });
          expect([400, 404, 413]).toContain(status);
        },
      ),
    );
  });
});
