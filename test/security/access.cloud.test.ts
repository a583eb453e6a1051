import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import type { Route } from '../../functions/http/route.ts';
import { type AccessAsker, accessAnswer, askers } from '../../lib/access-page.ts';
import { castMember } from '../airlock/cast.ts';
import { makeAirlockProject } from '../airlock/harness.ts';
import { pollUntilAnswer, type RawAnswer, sendRawRequest, signInNewUser, toExamplePath } from '../api/caller.ts';
import { connectTestCloud } from '../cloud.ts';
import { selectTrials } from '../trials.ts';

// What docs/access.md says, by calling every route as each kind of person.
const cloud = connectTestCloud();
const project = 'sec-access';
const people = {} as Record<Exclude<AccessAsker, 'nobody'>, Awaited<ReturnType<typeof signInNewUser>>>;

beforeAll(async () => {
  await makeAirlockProject(cloud, project, []);
  const names = { member: 'sec-access-mia', stranger: 'sec-access-sven', 'lapsed member': 'sec-access-lars' };
  for (const [asker, name] of Object.entries(names))
    people[asker as keyof typeof people] = await signInNewUser(cloud, name, 'researcher');
  const olga = castMember('olga');
  for (const name of [names.member, names['lapsed member']])
    await olga.ask('addMember', {
      params: { project, name },
      body: { roles: ['lead', 'researcher'], reason: 'works on sleep' },
    });
  const params = { project, name: names['lapsed member'] };
  await olga.ask('removeMember', { params, body: { reason: 'left the university' } });
});

/** The answer to a call with an empty body: any refusal that comes before the operation counts, and none after it. */
async function answerTo(asker: AccessAsker, route: Route) {
  const path = toExamplePath(route).replace('/projects/sec-none', `/projects/${project}`);
  const body = route.body && ('token' in route.body.shape ? { token: 'A'.repeat(43) } : {});
  const request = { ...(body && { body }), key: randomUUID() };
  const ask = () =>
    asker === 'nobody'
      ? sendRawRequest(cloud, route.method, path, request)
      : people[asker].ask(route.method, path, request);
  // A busy API asks to be called again; that says nothing about who may call it.
  const isBusy = ({ status }: RawAnswer) => [429, 502, 503, 504].includes(status);
  const { status, body: answer } = await pollUntilAnswer(ask, candidate => !isBusy(candidate));
  const isRefused =
    status === 401 ||
    (status === 403 && /^Only .+ can do this; you are /.test(answer.detail)) ||
    (status === 404 && answer.detail === `There is no project ${project}, or you are not a member of it.`);
  if (status >= 500) throw new Error(`the call failed with ${status}: ${JSON.stringify(answer)}`);
  return isRefused ? String(status) : 'answers';
}

/** One function of each capability asks who is calling, by the groups and roles that its route names. */
const kindsOfCall = (asker: AccessAsker) => (route: Route) =>
  // Nobody gets past API Gateway, which is the cheapest call of all, so every route is called without a token.
  asker === 'nobody' ? [route.path + route.method] : [`${route.capability} ${JSON.stringify(route.callers)}`];

describe.each(askers)('%s', asker => {
  const kindsOf = kindsOfCall(asker);
  const calls = selectTrials(`routes as ${asker}`, Object.entries<Route>(routes), ([, route]) => kindsOf(route));

  it.each(calls)('gets from %s what docs/access.md says', async (_, route) => {
    expect(await answerTo(asker, route)).toBe(accessAnswer(route, asker));
  });
});
