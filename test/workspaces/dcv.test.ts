import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signDcvPass, signDcvToken } from '../../functions/workspaces/dcv-link.ts';
import { encodeAuthJson, mintDesktopLink } from '../../functions/workspaces/link.ts';
import type { WorkspaceIn } from '../../functions/workspaces/schemas.ts';
import { startImageProgram } from './dcv-programs.ts';

const requestTime = '2026-11-20T09:00:00.000Z';
const now = Date.parse(requestTime);
const key = '0123456789abcdef0123456789abcdef';
const password = 'q1w2e3r4t5y6u7i8o9p0aZ';
const workspace: WorkspaceIn<'ready'> = {
  ...{ status: 'ready', id: 'ws-00112233aabb', project: 'asthma', owner: 'sub-rana', ownerName: 'rana' },
  ...{ kind: 'gpu', size: 'small', requestedAt: requestTime, attempt: 1, attemptedAt: requestTime },
  ...{ instanceId: 'i-0123456789abcdef0', address: '10.64.0.9', imageId: 'ami-1', readyAt: requestTime },
  desktop: { protocol: 'dcv', password: 'ciphertext', reportedAt: requestTime },
};
const opening = {
  ...{ workspace: workspace.id, instance: workspace.instanceId, address: workspace.address },
  ...{ person: workspace.owner, password, expires: now + 60_000 },
};
let count = 0;
const nextNonce = () => (++count).toString(16).padStart(32, '0');
const tokenOf = (change: Partial<typeof opening> = {}) => signDcvToken({ ...opening, ...change }, nextNonce());

let verifier: Awaited<ReturnType<typeof startImageProgram>>;
let door: Awaited<ReturnType<typeof startImageProgram>>;
const startVerifier = (started: number) =>
  startImageProgram(
    'broch-dcv.py',
    `serve(program["make_handler"](program["Verifier"](given, lambda: read("password"), now), lambda: None))`,
    { instance: workspace.instanceId, workspace: workspace.id, owner: workspace.owner },
    { time: started, password },
  );
beforeAll(async () => {
  verifier = await startVerifier(now);
  const code = `serve(program["make_handler"](program["Door"](given["key"], lambda: now() / 1000)))`;
  door = await startImageProgram('broch-dcv-door.py', code, { key }, { time: now });
});
afterAll(() => {
  verifier.stop();
  door.stop();
});

const YES = '<auth result="yes"><username>researcher</username></auth>';
const NO = '<auth result="no"/>';
/** The request of Amazon DCV: https://docs.aws.amazon.com/dcv/latest/adminguide/external-authentication.html */
const form = (body: string, head = '') =>
  `POST / HTTP/1.1\r\nHost: 127.0.0.1:8444\r\nContent-Type: application/x-www-form-urlencoded\r\n${head || `Content-Length: ${Buffer.byteLength(body)}`}\r\n\r\n${body}`;
const ask = (token: string, session: string = workspace.id) =>
  form(`sessionId=${session}&authenticationToken=${token}&clientAddress=10.255.254.7`);

describe('the verifier of a desktop', () => {
  it('answers a token of Broch with the two texts that Amazon DCV knows, and takes it once', async () => {
    const token = tokenOf();
    expect(await verifier.send(ask(token))).toMatchObject({ status: 200, body: YES });
    expect(await verifier.send(ask(token))).toMatchObject({ status: 200, body: NO });
  });

  it('takes one of many uses at the same moment', async () => {
    const token = tokenOf();
    const answers = await Promise.all(Array.from({ length: 20 }, () => verifier.send(ask(token))));
    expect(answers.filter(({ body }) => body === YES)).toHaveLength(1);
  });

  it.each([
    ['for another person', () => tokenOf({ person: 'sub-eve' })],
    ['for another workspace', () => tokenOf({ workspace: 'ws-ffffffffffff' })],
    ['for another machine', () => tokenOf({ instance: 'i-0fffffffffffffff0' })],
    ['signed with another password', () => tokenOf({ password: 'another-password' })],
    ['that is over', () => tokenOf({ expires: now - 1 })],
    ['that lives longer than a minute', () => tokenOf({ expires: now + 70_000 })],
    ['that is empty', () => ''],
    ['with more behind it', () => `${tokenOf()}0`],
  ])('refuses a token %s', async (_, token) => {
    expect(await verifier.send(ask(token()))).toMatchObject({ status: 200, body: NO });
  });

  it('refuses a token with any character changed', async () => {
    const token = tokenOf();
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'0aZ9.-_f'), async (place, character) => {
        fc.pre(token[place] !== character);
        const changedToken = token.slice(0, place) + character + token.slice(place + 1);
        expect((await verifier.send(ask(changedToken))).body).toBe(NO);
      }),
      { numRuns: 100 },
    );
    expect((await verifier.send(ask(token))).body).toBe(YES);
  });

  it.each(['ws-ffffffffffff', '', '%3Cx%3E', `${workspace.id}%00`, `${workspace.id}%26`])(
    'refuses the session %j',
    async session => expect((await verifier.send(ask(tokenOf(), session))).body).toBe(NO),
  );

  it.each([
    ['a field twice', (token: string) => form(`sessionId=x&${ask(token).split('\r\n\r\n')[1]}`)],
    ['a field too few', (token: string) => form(`sessionId=${workspace.id}&authenticationToken=${token}`)],
    ['a field too many', (token: string) => form(`${ask(token).split('\r\n\r\n')[1]}&x=1`)],
    ['a field without a value', (token: string) => form(`sessionId&authenticationToken=${token}&clientAddress=1`)],
    ['no fields', () => form('')],
    ['bytes that are no text', () => form('sessionId=\u00ff&authenticationToken=a&clientAddress=b')],
    ['percent signs that name no text', (token: string) => ask(`${token}%ff`)],
    ['a body that is said to be large', () => form('a', 'Content-Length: 1000000')],
    ['a negative length', () => form('a', 'Content-Length: -1')],
    ['no length', () => form('', 'Transfer-Encoding: chunked')],
    ['JSON', (token: string) => ask(token).replace('x-www-form-urlencoded', 'json')],
    ['another path', (token: string) => ask(token).replace('POST / ', 'POST /x ')],
  ])('refuses %s', async (_, request) => {
    const { status, body } = await verifier.send(request(tokenOf()));
    expect(body).toBe(NO);
    expect([200, 400, 413]).toContain(status);
  });

  it('answers no other method, and logs no token', async () => {
    expect((await verifier.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).body).not.toContain('yes');
    expect(verifier.lines).toContain('broch-dcv: opened');
    for (const line of verifier.lines) expect(line).toMatch(/^broch-dcv: (opened|refused: [a-z ]+)$/);
  });

  it('takes no token of before, when the password of the desktop has changed', async () => {
    const token = tokenOf();
    verifier.set('password', 'the-next-password');
    expect((await verifier.send(ask(token))).body).toBe(NO);
    expect((await verifier.send(ask(tokenOf({ password: 'the-next-password' })))).body).toBe(YES);
    verifier.set('password', '');
    expect((await verifier.send(ask(tokenOf({ password: '' })))).body).toBe(NO);
    verifier.set('password', password);
  });

  it('takes no token that may have been used before it started', async () => {
    const restarted = await startVerifier(now + 1);
    try {
      expect((await restarted.send(ask(tokenOf()))).body).toBe(NO);
      expect((await restarted.send(ask(tokenOf({ expires: now + 60_001 })))).body).toBe(YES);
    } finally {
      restarted.stop();
    }
  });
});

const openDoor = (pass: string, field = 'pass') => {
  const body = new URLSearchParams({ [field]: pass }).toString();
  return door.send(`POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
};
const checkDoor = (uri: string, cookie: string) =>
  door.send(`GET /check HTTP/1.1\r\nHost: x\r\nX-Original-URI: ${uri}\r\nCookie: ${cookie}\r\n\r\n`);
const passesOf = (keys = [key], input: { recording?: boolean; gpuProtocol?: 'rdp' | 'dcv' } = {}) => {
  const { url } = mintDesktopLink(
    {
      ...{ workspace, password, user: 'rana', gateway: 'https://desk.example.org/enter', keys, seconds: 60 },
      ...{ gpuProtocol: 'dcv', ...input },
    },
    requestTime,
  );
  return new URLSearchParams(new URL(url).hash.slice(1));
};

describe('the door of the gateway', () => {
  it('leads who has a link to one desktop, where the link opens the session, once', async () => {
    const [pass = ''] = passesOf().getAll('pass');
    const { status, headers, body } = await openDoor(pass);
    expect(status).toBe(200);
    const { place } = JSON.parse(body) as { place: string };
    const [, token = ''] = /^\/dcv\/ws-00112233aabb\/\?authToken=([^#]+)#ws-00112233aabb$/.exec(place) ?? [];
    const [cookie = '', ...flags] = (headers['Set-Cookie'] ?? '').split('; ');
    expect(flags).toEqual(['Path=/dcv/ws-00112233aabb/', 'Secure', 'HttpOnly', 'SameSite=Strict']);
    const uri = '/dcv/ws-00112233aabb/auth?x=1';
    expect(await checkDoor(uri, `a=b; ${cookie}`)).toMatchObject({
      status: 204,
      headers: { 'X-Desktop': '10.64.0.9' },
    });
    expect((await verifier.send(ask(token))).body).toBe(YES);
    expect((await openDoor(pass)).status).toBe(403);

    for (const otherPath of ['/dcv/ws-ffffffffffff/', '/dcv/', '/', '//dcv/ws-00112233aabb/', '/dcv/ws-00112233aabb'])
      expect((await checkDoor(otherPath, cookie)).status, otherPath).toBe(403);
    for (const wrong of ['', cookie.slice(0, -1), `${cookie}0`, `x${cookie}`, `broch-dcv=${'0'.repeat(64)}`])
      expect((await checkDoor(uri, wrong)).status, wrong).toBe(403);
  });

  it('opens to nobody without a pass that Broch signed a minute ago at most', async () => {
    const sign = (change: object, signedBy = key) => signDcvPass({ ...opening, ...change }, signedBy, tokenOf());
    const guacamole = encodeAuthJson(JSON.stringify({ username: 'rana', expires: now + 60_000, connections: {} }), key);
    for (const [pass, field] of [
      [sign({ expires: now - 1 })],
      [sign({ expires: now + 70_000 })],
      [sign({}, 'f'.repeat(32))],
      [sign({}).replace(/.$/, last => (last === '0' ? '1' : '0'))],
      [sign({ address: '203.0.113.7' })],
      [sign({ address: '10.64.0.9:22' })],
      [sign({ workspace: 'ws-00112233aabb/../x' })],
      [sign({}), 'data'],
      [guacamole],
      [''],
      ['x'.repeat(9000)],
    ] as const)
      expect([400, 403], pass.slice(0, 60)).toContain((await openDoor(pass, field)).status);
    const body = `pass=${sign({})}&pass=${sign({})}`;
    const doubleRequest = `POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expect((await door.send(doubleRequest)).status).toBe(403);
  });

  it('knows one of the passes of a link while the key of links changes', async () => {
    const passes = passesOf(['f'.repeat(32), key]).getAll('pass');
    const answers = [];
    for (const pass of passes) answers.push((await openDoor(pass)).status);
    expect(answers).toEqual([403, 200]);
  });

  it('forgets who did not come back for half a day', async () => {
    const [pass = ''] = passesOf().getAll('pass');
    const [cookie = ''] = ((await openDoor(pass)).headers['Set-Cookie'] ?? '').split(';');
    const check = async (hours: number) => {
      door.set('time', now + hours * 3_600_000);
      return (await checkDoor('/dcv/ws-00112233aabb/', cookie)).status;
    };
    expect([await check(11), await check(22), await check(34.1)]).toEqual([204, 204, 403]);
    door.set('time', now);
  });

  it('is not used for a session that must be recorded, or if the operator wants RDP', () => {
    expect([...passesOf([key], { recording: true }).keys()]).toEqual(['data']);
    expect([...passesOf([key], { gpuProtocol: 'rdp' }).keys()]).toEqual(['data']);
  });
});
