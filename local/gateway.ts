import { createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import * as z from 'zod';
import { linkPage, linkPageHeaders } from '../functions/workspaces/link-page.ts';

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

/** What a browser shows in place of the desktop. */
const DESKTOP_PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Broch desktop</title>
<h1>Your desktop</h1><p>On AWS this is where Apache Guacamole shows it. The link is used up: opening it again is refused.</p></html>`;

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
 * Stands in for the front door and Guacamole behind it, on loopback: the page of links at `/enter`, and
 * `POST /desktop/api/tokens` (form field `data`), which refuses every link that the Java server refuses.
 */
export async function startGateway({ port, certificate, certificateKey, secret, now = Date.now }: GatewayOptions) {
  const used = new Map<string, number>();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, type: string, body: string, headers: Record<string, string> = {}) =>
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers }).end(body);
    const place = `${request.method} ${request.url}`;
    if (place === 'GET /enter') return void send(200, 'text/html', linkPage, linkPageHeaders);
    if (place === 'GET /desktop/') return void send(200, 'text/html; charset=utf-8', DESKTOP_PAGE);
    if (place !== 'POST /desktop/api/tokens') return void send(404, 'text/plain', 'not here');
    const data = new URLSearchParams(await bodyOf(request)).get('data') ?? '';
    const verdict = checkGatewayLink(data, await secret(), now(), used);
    if (!verdict.ok)
      return void send(
        403,
        'application/json',
        JSON.stringify({ message: 'Permission denied.', reason: verdict.reason }),
      );
    const { username, connections } = verdict.data;
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
