import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import type { Caller } from '../../functions/http/http.ts';
import { type ProjectRole, type Route, type UserGroup, userGroups } from '../../functions/http/route.ts';
import { Refused } from '../../functions/refused.ts';
import { sampleRuns } from '../trials.ts';
import { ask, claimsOf, exampleBodies } from './ask.ts';

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
            const body = exampleBodies[name];
            const { status } = await ask(
              { route, claims: claimsOf(groups), ...(body && { body: JSON.stringify(body) }) },
              () => ({}),
              roles,
            );
            expect(denials.includes(status ?? 0)).toBe(!allowed(route, groups, roles));
          },
        ),
        { numRuns: sampleRuns(60) },
      );
    },
  );

  it.each(entries)('%s: a group of the token counts only if the user pool confirms it', async (name, route) => {
    const body = exampleBodies[name];
    await fc.assert(
      fc.asyncProperty(fc.subarray([...userGroups]), fc.subarray([...userGroups]), async (claims, confirmed) => {
        const request = { route, claims: claimsOf(claims), ...(body && { body: JSON.stringify(body) }) };
        const { status } = await ask(request, () => ({}), [], confirmed);
        const common = claims.filter(group => confirmed.includes(group));
        expect(denials.includes(status ?? 0)).toBe(!allowed(route, common, []));
      }),
      { numRuns: sampleRuns(30) },
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

  it('identity comes from the claims, whatever the headers say', async () => {
    let input: unknown;
    await ask(
      {
        route: routes.showMe,
        claims: claimsOf(['partner']),
        headers: { 'x-user': 'olga', sub: 'olga' },
      },
      call => {
        input = (call as { user: unknown }).user;
        return {};
      },
    );
    expect(input).toEqual({ id: 'user-1', name: 'rana', groups: ['partner'], membership: expect.any(Function) });
  });

  it.each(['showRequest', 'linkWorkspace', 'showProject'] as const)(
    '%s reads the membership of the caller once, however often it is needed',
    async name => {
      const askTwice = async (call: unknown) => {
        const { user } = call as { user: Caller };
        return { roles: [(await user.membership())?.roles, (await user.membership())?.roles] };
      };
      const request = { route: routes[name], claims: claimsOf(['researcher']) };
      const { reads } = await ask(request, askTwice, ['researcher']);
      expect(reads).toBe(1);
    },
  );

  it('a route that no membership opens reads none', async () => {
    const { reads } = await ask({ route: routes.listProjects, claims: claimsOf(['operator']) });
    expect(reads).toBe(0);
  });
});

describe('errors', () => {
  const claims = claimsOf(['operator']);
  it('answers a refusal with a problem document that gives the reason', async () => {
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

  it('answers any other error with 500 and an id, and shows nothing of the inside', async () => {
    const { status, body } = await ask({ route: routes.listProjects, claims }, () => {
      throw new Error('AccessDenied on arn:aws:dynamodb:eu-west-2:1:table/secret');
    });
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toMatch(/arn:|secret|AccessDenied|Error:/);
    expect(body.detail).toContain('request-1');
  });

  it('answers 500 and shows nothing when an operation returns another shape', async () => {
    expect((await ask({ route: routes.listProjects, claims }, () => ({ items: 'none', password: 'x' }))).status).toBe(
      500,
    );
  });

  it('returns bytes unchanged, and only from operations that return bytes', async () => {
    const route = routes.downloadPart;
    const request = { route, claims: claimsOf(['researcher']), body: JSON.stringify(exampleBodies.downloadPart) };
    const bytes = Buffer.from([0, 255, 123, 125, 10, 195]);
    const { status, type, body } = await ask(request, () => bytes);
    expect([status, type, body]).toEqual([200, 'application/octet-stream', bytes]);
    expect((await ask(request, () => ({ url: 'https://elsewhere' }))).status).toBe(500);
  });
});
