import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import {
  CognitoIdentityProviderClient,
  CreateGroupCommand,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
  InitiateAuthCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../functions/api/routes.ts';
import { type Route, type UserGroup, userGroups } from '../../functions/http/route.ts';
import { enrolLocalPerson, signInLocalPerson } from '../../local/people.ts';
import { connectTestCloud } from '../cloud.ts';
import { selectTrials } from '../trials.ts';
import { buildTestProfile, sendRawRequest, signInNewUser, toExamplePath } from './caller.ts';

const cloud = connectTestCloud();
const admin = new CognitoIdentityProviderClient(cloud.configuration);
const entries: [string, Route][] = Object.entries(routes);
let olga: Awaited<ReturnType<typeof signInNewUser>>;

beforeAll(async () => {
  olga = await signInNewUser(cloud, 'sec-api-olga', 'operator');
});

const key = () => `sec-${Math.random()}`;
const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
const parts = (token: string) => {
  const [header = '', claims = '', signature = ''] = token.split('.');
  const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  return { header, claims, signature, head: decode(header), body: decode(claims) };
};

/** An access token for an operator of a pool, or of another client of ours, that AWS itself signed. */
async function operatorOf(pool: string, name: string): Promise<string> {
  const { UserPoolClient } = await admin.send(
    new CreateUserPoolClientCommand({
      UserPoolId: pool,
      ClientName: name,
      ExplicitAuthFlows: ['ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
    }),
  );
  const place = { ...buildTestProfile(cloud), pool, client: UserPoolClient?.ClientId ?? '' };
  const person = await enrolLocalPerson(place, cloud.configuration, name, 'operator');
  const { access: token } = await signInLocalPerson(place, person);
  expect(parts(token).body['cognito:groups']).toEqual(['operator']);
  return token;
}

async function otherPool(): Promise<string> {
  const { UserPool } = await admin.send(new CreateUserPoolCommand({ PoolName: 'sec-other' }));
  const UserPoolId = UserPool?.Id ?? '';
  await admin.send(new CreateGroupCommand({ UserPoolId, GroupName: 'operator' }));
  return UserPoolId;
}

async function otherTokens() {
  const place = buildTestProfile(cloud);
  const { refresh } = await signInLocalPerson(place, olga.person);
  const { AuthenticationResult } = await admin.send(
    new InitiateAuthCommand({
      ClientId: place.client,
      AuthFlow: 'REFRESH_TOKEN_AUTH',
      AuthParameters: { REFRESH_TOKEN: refresh },
    }),
  );
  return { refresh, id: AuthenticationResult?.IdToken ?? '' };
}

describe('without a token', () => {
  // test/security/access.cloud.test.ts calls every route without a token.
  it('a refusal contains a message and nothing else', async () => {
    const { status, body } = await sendRawRequest(cloud, 'GET', '/projects', { key: key() });
    expect(status).toBe(401);
    expect(Object.keys(body)).toEqual(['message']);
  });

  it('answers 401 at addresses that do not exist, too', async () => {
    for (const path of ['/nothing', '/projects/a/b/c', '/openapi.json/x', '/'])
      expect((await sendRawRequest(cloud, 'GET', path)).status, path).toBe(401);
  });
});

describe('a token', () => {
  const forgeries: [string, () => string | Promise<string>][] = [
    ['that is none', () => 'garbage'],
    ['of three parts of nothing', () => 'a.b.c'],
    ['that is empty', () => ''],
    ['with another last part of its signature', () => olga.token.replace(/.{8}$/, end => [...end].reverse().join(''))],
    ['without its signature', () => `${parts(olga.token).header}.${parts(olga.token).claims}.`],
    [
      'whose claims were changed',
      () => {
        const { header, signature, body } = parts(olga.token);
        return `${header}.${encode({ ...body, username: 'somebody', 'cognito:groups': [...userGroups] })}.${signature}`;
      },
    ],
    [
      'that is not signed at all',
      () => {
        const { head, body } = parts(olga.token);
        return `${encode({ ...head, alg: 'none' })}.${encode(body)}.`;
      },
    ],
    [
      'signed by a secret that everybody knows',
      () => {
        const { head, body } = parts(olga.token);
        const text = `${encode({ ...head, alg: 'HS256' })}.${encode(body)}`;
        return `${text}.${createHmac('sha256', 'secret').update(text).digest('base64url')}`;
      },
    ],
    [
      "signed by a key of one's own, under the pool's key id",
      () => {
        const { head, body } = parts(olga.token);
        const text = `${encode(head)}.${encode(body)}`;
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
      },
    ],
    ['of an operator of another pool', async () => operatorOf(await otherPool(), 'sec-foreign')],
    ['of our pool for another client', () => operatorOf(cloud.outputs['data.Pool'] ?? '', 'sec-client')],
  ];

  it.each(forgeries)('%s answers 401', async (_, make) => {
    const token = await make();
    expect(token).not.toBe(olga.token);
    expect((await sendRawRequest(cloud, 'GET', '/me', { token })).status).toBe(401);
    expect((await sendRawRequest(cloud, 'POST', '/projects', { token, key: key(), body: {} })).status).toBe(401);
  });

  it('that refreshes a session is no access token', async () => {
    const { refresh } = await otherTokens();
    // Nothing that API Gateway can read on AWS; the embedded cloud's is signed, and stopped by the function.
    expect([401, 403]).toContain((await sendRawRequest(cloud, 'GET', '/me', { token: refresh })).status);
  });

  it('that names a person is no access token', async () => {
    const { id } = await otherTokens();
    expect(parts(id).body).toMatchObject({ token_use: 'id', 'cognito:groups': ['operator'] });
    for (const path of ['/me', '/projects']) {
      const { status, body } = await sendRawRequest(cloud, 'GET', path, { token: id });
      expect(status).toBe(403);
      expect(body.detail).toContain('broch login');
    }
  });

  it('is ignored anywhere but in the header', async () => {
    const { token } = olga;
    const places: Record<string, string>[] = [
      { 'x-api-key': token },
      { cookie: `authorization=${token}` },
      { authorization: `Basic ${token}` },
    ];
    for (const headers of places)
      expect(
        (await sendRawRequest(cloud, 'GET', `/me?authorization=${token}&access_token=${token}`, { headers })).status,
      ).toBe(401);
  });

  it('says who somebody is, whatever the headers say', async () => {
    const headers = { 'x-amzn-oidc-identity': 'x', 'x-user': 'sec-x', 'x-forwarded-user': 'sec-x', sub: 'x' };
    const { status, body } = await olga.ask('GET', '/me', { headers });
    expect(status).toBe(200);
    expect(body).toEqual({ id: parts(olga.token).body.sub, name: 'sec-api-olga', groups: ['operator'], projects: [] });
  });
});

describe('somebody of another group', () => {
  const mayCall = ({ callers }: Route, group: UserGroup) =>
    callers === 'anyone' || callers.some(caller => caller.group === group);
  const refusals = userGroups.flatMap(group =>
    entries.filter(([, route]) => !mayCall(route, group)).map(([name, route]) => ({ group, name, route })),
  );
  const tries = selectTrials('routes of other groups', refusals, ({ group, name, route }) => [
    name,
    `${group} ${route.capability}`,
  ]);

  it.each(userGroups)('%s is refused by the routes of others', async group => {
    const { token } = await signInNewUser(cloud, `sec-api-${group}`, group);
    for (const { name, route } of tries.filter(attempt => attempt.group === group)) {
      const { status, type, body } = await sendRawRequest(cloud, route.method, toExamplePath(route), {
        token,
        key: key(),
      });
      expect([name, status, type]).toEqual([name, 403, 'application/problem+json']);
      expect(body.detail).toMatch(/^Only .+ can do this; you are .+\.$/);
    }
  });

  it('a researcher learns nothing of a project of others: it might as well not exist', async () => {
    const { token } = await signInNewUser(cloud, 'sec-api-outsider', 'researcher');
    const ofMembers = entries.filter(
      ([, { callers }]) => callers !== 'anyone' && callers.every(({ member }) => member !== undefined),
    );
    for (const [name, route] of selectTrials('routes of members', ofMembers, ([, { capability }]) => [capability])) {
      const { status } = await sendRawRequest(cloud, route.method, toExamplePath(route), { token, key: key() });
      expect([name, status]).toEqual([name, 404]);
    }
  });
});
