import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeAuthJson, mintDesktopLink } from '../../functions/workspaces/link.ts';
import type { WorkspaceIn } from '../../functions/workspaces/schemas.ts';
import { startGateway } from '../../local/gateway.ts';

const key = '0123456789abcdef0123456789abcdef';
const requestTime = '2026-11-20T09:00:00.000Z';
const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'broch-gateway-'));
let clock = Date.parse(requestTime);
let gateway: Awaited<ReturnType<typeof startGateway>>;
let ca: string;

beforeAll(async () => {
  const [certificate, certificateKey] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const script = join(root, 'local/python/certificate.py');
  execFileSync(join(root, '.venv/bin/python'), [script, certificate, certificateKey]);
  ca = readFileSync(certificate, 'utf8');
  gateway = await startGateway({
    port: 0,
    certificate: ca,
    certificateKey: readFileSync(certificateKey, 'utf8'),
    secret: () => key,
    now: () => clock,
  });
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

const workspace: WorkspaceIn<'ready'> = {
  status: 'ready',
  id: 'ws-00112233aabb',
  project: 'asthma',
  owner: 'sub-rana',
  ownerName: 'rana',
  kind: 'desktop',
  size: 'small',
  requestedAt: requestTime,
  attempt: 1,
  attemptedAt: requestTime,
  instanceId: 'i-0123456789abcdef0',
  address: '10.64.0.9',
  imageId: 'ami-1',
  readyAt: requestTime,
  desktop: { protocol: 'rdp', password: 'ciphertext', reportedAt: requestTime },
};

let minted = 0;
/** A real link, minted a little later each time, so that no two are the same. */
function link(with_: { key?: string; user?: string } = {}): string {
  const mintTime = new Date(Date.parse(requestTime) + ++minted).toISOString();
  const password = 'correct horse battery';
  return mintDesktopLink(
    {
      workspace,
      password,
      user: 'rana',
      gateway: `${gateway.url}/enter`,
      keys: [with_.key ?? key],
      seconds: 60,
      ...with_,
    },
    mintTime,
  ).url;
}
const dataOf = (url: string) => new URLSearchParams(new URL(url).hash.slice(1)).get('data') ?? '';

const send = (url: string, method = 'GET', body = '') =>
  new Promise<{ status: number; body: string; type: string }>((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const call = request(url, { method, ca, headers }, answer => {
      let text = '';
      answer.on('data', part => {
        text += part;
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: text, type: answer.headers['content-type'] ?? '' }),
      );
    });
    call.on('error', reject);
    call.end(body);
  });
const post = (data: string) =>
  send(`${gateway.url}/desktop/api/tokens`, 'POST', new URLSearchParams({ data }).toString());

describe('an unused link', () => {
  it('is accepted from the form', async () => {
    const { status, body } = await post(dataOf(link()));
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      authToken: expect.stringMatching(/^[0-9A-F]{64}$/),
      username: 'rana',
      connections: ['asthma ws-00112233aabb'],
    });
  });

  /** Runs the program of the page as a browser would; the second text of a link is the one that is good. */
  async function runPage(hash: string) {
    const { status, body, type } = await send(`${gateway.url}/enter`);
    expect([status, type]).toEqual([200, 'text/html; charset=utf-8']);
    expect(body).toContain('Your desktop opens.');
    const calls: unknown[] = [];
    const storage = new Map<string, string>();
    const [, program = ''] = /<script>(.*)<\/script>/s.exec(body) ?? [];
    const location = { hash, pathname: '/enter', replace: (url: string) => calls.push(url) };
    await runInNewContext(program, {
      URLSearchParams,
      location,
      history: { replaceState: (...words: unknown[]) => calls.push(words) },
      localStorage: { setItem: (name: string, value: string) => storage.set(name, value) },
      fetch: async (url: string, { body: form }: { body: URLSearchParams }) => {
        calls.push([url, String(form)]);
        const answer = { authToken: 'TOKEN', place: '/dcv/ws-00112233aabb/?authToken=T#ws-00112233aabb' };
        return { ok: [...form.values()].includes('second'), json: async () => answer };
      },
    });
    return { calls, storage };
  }

  it('opens a page that runs one program, which posts what the address does not tell the server', async () => {
    const { calls, storage } = await runPage('#data=first%2B&data=second');
    expect(calls).toEqual([
      [null, '', '/enter'],
      ['/desktop/api/tokens', 'data=first%2B'],
      ['/desktop/api/tokens', 'data=second'],
      '/desktop/',
    ]);
    expect([...storage]).toEqual([['GUAC_AUTH_TOKEN', '"TOKEN"']]);
  });

  it('leads to the page of Amazon DCV if that shows the desktop', async () => {
    const { calls, storage } = await runPage('#pass=first&pass=second');
    expect(calls).toEqual([
      [null, '', '/enter'],
      ['/dcv/open', 'pass=first'],
      ['/dcv/open', 'pass=second'],
      '/dcv/ws-00112233aabb/?authToken=T#ws-00112233aabb',
    ]);
    expect(storage.size).toBe(0);
  });
});

describe('the gateway refuses with a reason', () => {
  const expectRefusal = async (data: string, reason: RegExp) => {
    const answer = await post(data);
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body).reason).toMatch(reason);
    expect(answer.body).not.toContain('horse');
  };

  it('a second use', async () => {
    const data = dataOf(link());
    expect((await post(data)).status).toBe(200);
    await expectRefusal(data, /used before/);
  });

  it('all but one of many uses at the same moment', async () => {
    const data = dataOf(link());
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(data)));
    expect(answers.filter(({ status }) => status === 200).length).toBe(1);
  });

  it('an expired link, also when its use is no longer remembered', async () => {
    const [unused, used] = [link(), link()];
    expect((await post(dataOf(used))).status).toBe(200);
    clock += 61_000;
    await expectRefusal(dataOf(unused), /expired/);
    await expectRefusal(dataOf(used), /expired/);
    clock -= 61_000;
  });

  it('a link signed with another key', () =>
    expectRefusal(dataOf(link({ key: 'ffffffffffffffffffffffffffffffff' })), /decryption failed|signature|too small/));

  it('a truncated link', async () => {
    const data = dataOf(link());
    for (const end of [0, 1, 16, 22, 43, 64, data.length - 24, data.length - 1])
      await expectRefusal(data.slice(0, end), /base64|decryption failed|too small|signature/);
  });

  it('a link with one bit changed', async () => {
    const bytes = Buffer.from(dataOf(link()), 'base64');
    for (const mintTime of [0, 15, 16, 31, 32, 40, bytes.length - 17, bytes.length - 1]) {
      const changedBytes = Buffer.from(bytes);
      changedBytes.writeUInt8(changedBytes.readUInt8(mintTime) ^ 1, mintTime);
      await expectRefusal(changedBytes.toString('base64'), /decryption failed|signature|too small/);
    }
  });

  it('a link without an expiry, and text that is not a link', async () => {
    const person = { username: 'rana', connections: {} };
    await expectRefusal(encodeAuthJson(JSON.stringify({ ...person, singleUse: true }), key), /must expire/);
    await expectRefusal(encodeAuthJson('not json', key), /JSON/);
    await expectRefusal(encodeAuthJson('{"username":"rana"}', key), /JSON/);
    await expectRefusal('', /base64/);
    await expectRefusal('<script>', /base64/);
  });

  it('any other address, and a request that is too large', async () => {
    for (const place of ['/', '/?data=a', '/desktop/api/tokens', '/api/tokens'])
      expect((await send(`${gateway.url}${place}`)).status).toBe(404);
    expect((await send(`${gateway.url}/`, 'POST')).status).toBe(404);
    expect((await post('A'.repeat(100_000))).status).toBe(500);
  });
});
