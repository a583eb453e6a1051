import { createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import * as z from 'zod';

export interface GatewayOptions {
  readonly port: number;
  /** PEM: the certificate and its key. */
  readonly certificate: string;
  readonly certificateKey: string;
  /** Guacamole's `json-secret-key`; read at each request, because it exists only after the deploy. */
  readonly secret: () => Promise<string> | string;
  readonly now?: () => number;
}

/** The input of Guacamole's `auth-json`, with the field names and the leniency of the Java server. */
const UserData = z.object({
  username: z.string(),
  expires: z.coerce.number().optional(),
  singleUse: z.boolean().default(false),
  connections: z.record(
    z.string(),
    z.object({ protocol: z.string(), parameters: z.record(z.string(), z.string()).default({}) }),
  ),
});
export type UserData = z.infer<typeof UserData>;

export type GatewayVerdict =
  | { readonly ok: true; readonly data: UserData }
  | { readonly ok: false; readonly reason: string };

const no = (reason: string): GatewayVerdict => ({ ok: false, reason });

/** Decides about `data` as Guacamole does, in its order; `used` holds the signatures seen, until they expire. */
export function checkGatewayLink(data: string, secret: string, now: number, used: Map<string, number>): GatewayVerdict {
  // As strict as the Java gateway: base64 in groups of four, padded.
  if (data.length === 0 || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(data))
    return no('not proper base64');
  const key = Buffer.from(secret, 'hex');
  let plain: Buffer;
  try {
    const cipher = createDecipheriv('aes-128-cbc', key, Buffer.alloc(16));
    plain = Buffer.concat([cipher.update(Buffer.from(data, 'base64')), cipher.final()]);
  } catch {
    return no('decryption failed');
  }
  if (plain.length <= 32) return no('too small to contain both a signature and JSON');
  const [signature, json] = [plain.subarray(0, 32), plain.subarray(32)];
  if (!timingSafeEqual(signature, createHmac('sha256', key).update(json).digest()))
    return no('the signature is incorrect');
  let result: z.ZodSafeParseResult<UserData>;
  try {
    result = UserData.safeParse(JSON.parse(json.toString('utf8')));
  } catch {
    return no('the JSON is invalid');
  }
  if (!result.success) return no('the JSON is invalid');
  const { expires, singleUse } = result.data;
  if (expires !== undefined && now > expires) return no('expired');
  if (singleUse) {
    for (const [old, expiry] of used) if (now > expiry) used.delete(old);
    const name = signature.toString('hex');
    if (expires === undefined) return no('single-use data must expire');
    if (used.has(name)) return no('used before');
    used.set(name, expires);
  }
  return { ok: true, data: result.data };
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);

/** The page that a browser shows in place of the desktop. */
export const renderGatewayPage = ({ username, connections }: UserData): string => {
  const desktops = Object.entries(connections).map(
    ([name, { protocol, parameters }]) =>
      `<li><b>${escapeHtml(name)}</b>: ${escapeHtml(protocol)} to ${escapeHtml(parameters.hostname ?? '?')}:${escapeHtml(parameters.port ?? '?')}</li>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Broch desktop</title>
<style>body{font:1rem/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>
<h1>${escapeHtml(username)}'s desktop</h1><ul>${desktops.join('')}</ul>
<p>On AWS this is where Apache Guacamole shows it. The link is used up: opening it again is refused.</p></html>`;
};

const limit = 64 * 1024;

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > limit) throw new Error('the request is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/**
 * Stands in for the Guacamole gateway: it listens on loopback, answers `POST /api/tokens` (form field `data`) and
 * `GET /?data=`, and refuses every link that the Java server refuses.
 */
export async function startGateway({ port, certificate, certificateKey, secret, now = Date.now }: GatewayOptions) {
  const used = new Map<string, number>();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, type: string, body: string) =>
      response
        .writeHead(status, {
          'content-type': type,
          'cache-control': 'no-store',
          'referrer-policy': 'no-referrer',
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
        })
        .end(body);
    const url = new URL(request.url ?? '/', 'https://gateway');
    const isPost = request.method === 'POST' && url.pathname === '/api/tokens';
    if (!isPost && !(request.method === 'GET' && url.pathname === '/')) return void send(404, 'text/plain', 'not here');
    const data = (isPost ? new URLSearchParams(await bodyOf(request)) : url.searchParams).get('data') ?? '';
    const verdict = checkGatewayLink(data, await secret(), now(), used);
    if (!verdict.ok)
      return void send(
        403,
        'application/json',
        JSON.stringify({ message: 'Permission denied.', reason: verdict.reason }),
      );
    const { username, connections } = verdict.data;
    if (!isPost) return void send(200, 'text/html; charset=utf-8', renderGatewayPage(verdict.data));
    const names = Object.keys(connections);
    const answer = { authToken: randomBytes(32).toString('hex').toUpperCase(), username, connections: names };
    send(200, 'application/json', JSON.stringify({ ...answer, dataSource: 'json' }));
  }

  const server = createServer({ cert: certificate, key: certificateKey }, (request, response) => {
    serve(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const bound = address && typeof address === 'object' ? address.port : port;
  return {
    url: `https://127.0.0.1:${bound}`,
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
