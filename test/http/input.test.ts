import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import { MAX_BODY_BYTES } from '../../functions/http/input.ts';
import { type Route, userGroups } from '../../functions/http/route.ts';
import { Refused } from '../../functions/refused.ts';
import { ask, claimsOf, exampleBodies } from './ask.ts';

const claims = claimsOf(['operator']);

describe('the input of an operation', () => {
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

  it.each<[string, { route: Route; body?: object; query?: Record<string, string> }, string]>([
    ['a misspelt field', { route: routes.createProject, body: { id: 'asthma', titel: 'Asthma' } }, 'titel'],
    [
      'a misspelt field of a group of files',
      {
        route: routes.draftRequest,
        body: { title: 'T', groups: [{ name: 't', kind: 'table', purpose: 'p', paths: ['**'], puprose: 'q' }] },
      },
      'groups.0.puprose',
    ],
    ['a misspelt parameter of a list', { route: routes.listProjects, query: { limt: '5' } }, 'limt'],
    ['a parameter that the operation does not have', { route: routes.showMe, query: { user: 'olga' } }, 'user'],
    ['a field that the operation does not have', { route: routes.retryProject, body: { user: 'olga' } }, 'user'],
  ])('%s is refused by its name', async (_, { body, ...request }, name) => {
    const allGroups = claimsOf([...userGroups]);
    const answer = await ask(
      { claims: allGroups, ...request, ...(body && { body: JSON.stringify(body) }) },
      undefined,
      ['lead'],
    );
    expect(answer.status).toBe(400);
    expect(answer.body.errors.join()).toContain(`${name}: `);
  });

  it.each([
    ['a lone surrogate in a value', { body: '{"id":"asthma","title":"\\ud800"}' }],
    ['a lone surrogate in a name', { body: '{"id":"asthma","title":"x","\\udfff":1}' }],
    ['a body that is not UTF-8', { bytes: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]) }],
    ['a query that is not UTF-8', { body: '{"id":"asthma","title":"x"}', rawQueryString: 'a=%ff' }],
  ])('%s is refused', async (_, request) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await ask({ route: routes.createProject, claims, headers, ...request });
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toContain('UTF-8');
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json5',
    '',
  ])('a body of the type %j is refused with 415', async type => {
    const body = '{"id":"asthma","title":"Asthma"}';
    const answer = await ask({ route: routes.createProject, claims, body, headers: { 'content-type': type } });
    expect(answer.status).toBe(415);
    expect(answer.body.detail).toContain('application/json');
  });

  it.each(['0x10', '1e1', ' 5', '5 ', '+5', '5.0', '', '0', '101', '-1', '９'])(
    'a limit of %j is refused',
    async limit => {
      expect((await ask({ route: routes.listProjects, claims, query: { limit } })).status).toBe(400);
    },
  );

  it.each([
    ['a user name with a space', { route: routes.addMember, params: { project: 'asthma', name: 'rana r' } }],
    [
      'a user name with a control character',
      { route: routes.addMember, params: { project: 'asthma', name: 'r\u0007' } },
    ],
    ['an escaped slash in a project', { route: routes.showProject, params: { project: 'asthma/x' } }],
  ])('%s is refused before anything is read', async (_, { route, params }) => {
    const body = route === routes.addMember ? JSON.stringify(exampleBodies.addMember) : undefined;
    expect((await ask({ route, claims, params, ...(body && { body }) })).status).toBe(400);
  });

  it('answers 404 for a project that does not exist, also to people who are in no project', async () => {
    const answer = await ask({ route: routes.listWorkspaces, claims, hasProject: false });
    expect(answer.status).toBe(404);
    expect(answer.body.detail).toContain('There is no project asthma');
    expect((await ask({ route: routes.listWorkspaces, claims }, () => ({ items: [] }))).status).toBe(200);
  });

  it.each([
    ['/v1/projects', 405, 'POST, GET'],
    ['/v1/projects/asthma/members/rana', 405, 'PUT'],
    ['/v1/nowhere', 404, undefined],
    ['/v1/projects/asthma/nowhere', 404, undefined],
  ])('%s with another method is answered %i', async (rawPath, status, methods) => {
    const answer = await ask({ route: routes.showMe, claims, rawPath, routeKey: '$default' });
    expect([answer.status, answer.allow]).toEqual([status, methods]);
  });

  it('takes a path with empty segments for the same request', async () => {
    const marks: unknown[] = [];
    const route = routes.linkWorkspace;
    const request = { route, claims: claimsOf(['researcher']), headers: { 'idempotency-key': 'k-1234567' } };
    const keepMark = (call: unknown) => marks.push((call as { mark: string }).mark);
    for (const rawPath of [route.path, `/${route.path}`, `/v1/${route.path}`])
      await ask({ ...request, rawPath }, keepMark, ['lead']);
    await ask({ ...request, params: { project: 'asthma', workspace: 'ws-ffffffffffff' } }, keepMark, ['lead']);
    expect(marks).toEqual([marks[0], marks[0], marks[0], expect.not.stringMatching(String(marks[0]))]);
    expect(marks[0]).toMatch(/^[\w-]{22}$/);
  });

  it('answers no body, path or query with a 5xx', async () => {
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
