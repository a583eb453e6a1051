import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import * as z from 'zod';
import { repositoryRoot } from './cloud.ts';

/** The largest message that Teams accepts, approximately. */
const maxBytes = 28 * 1024;

const Message = z.object({
  type: z.literal('message'),
  attachments: z
    .array(
      z.object({
        contentType: z.literal('application/vnd.microsoft.card.adaptive'),
        contentUrl: z.null().optional(),
        content: z.looseObject({
          type: z.literal('AdaptiveCard'),
          version: z.enum(['1.0', '1.1', '1.2', '1.3', '1.4', '1.5']),
          body: z.array(z.looseObject({ type: z.string() })).min(1),
        }),
      }),
    )
    .length(1),
});

/** A received card. */
interface ReceivedCard {
  readonly id: number;
  readonly at: string;
  readonly bytes: number;
  readonly card: object;
}

/** How the inbox answers a post instead of taking it. */
interface InboxFailure {
  readonly status: number;
  readonly retryAfter?: number;
}

export interface Inbox {
  /** The page that shows the cards. */
  readonly url: string;
  /** Where cards are posted to: a secret, like the address of a Teams workflow. */
  readonly webhook: string;
  /** Newest first. */
  readonly cards: () => readonly ReceivedCard[];
  /** How many posts had the right signature, whether they were accepted or not. */
  readonly posts: () => number;
  /** The next posts get these answers, one each. */
  readonly trouble: (...answers: InboxFailure[]) => void;
  readonly close: () => Promise<void>;
}

export interface InboxOptions {
  readonly port?: number;
  /** The certificate's file and its key's. */
  readonly ca: string;
  readonly certificateKey: string;
}

const page = join(import.meta.dirname, 'inbox');
const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': [join(page, 'page.html'), 'text/html; charset=utf-8'],
  '/page.js': [join(page, 'page.js'), 'text/javascript; charset=utf-8'],
  '/page.css': [join(page, 'page.css'), 'text/css; charset=utf-8'],
  '/adaptivecards.js': [
    join(repositoryRoot, 'node_modules/adaptivecards/dist/adaptivecards.min.js'),
    'text/javascript; charset=utf-8',
  ],
};

const headers = {
  // Cards are other people's content: only our own files run, and no other host is called.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/**
 * Stands in for the team's channel: a webhook like that of a Teams workflow, and a page that shows the received cards.
 */
export async function openInbox({ port = 0, ca, certificateKey }: InboxOptions): Promise<Inbox> {
  const [path, signature] = [`/workflows/${randomBytes(16).toString('hex')}`, randomBytes(32).toString('base64url')];
  const cards: ReceivedCard[] = [];
  const troubles: InboxFailure[] = [];
  let posts = 0;

  async function take(request: IncomingMessage, url: URL): Promise<InboxFailure> {
    if (!sameText(url.searchParams.get('sig') ?? '', signature)) return { status: 401 };
    const body = await read(request);
    posts += 1;
    const trouble = troubles.shift();
    if (trouble) return trouble;
    if (body === undefined) return { status: 413 };
    const message = Message.safeParse(parse(body));
    const card = message.data?.attachments[0]?.content;
    if (!card) return { status: 400 };
    cards.unshift({ id: cards.length + 1, at: new Date().toISOString(), bytes: Buffer.byteLength(body), card });
    return { status: 202 };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://inbox');
    if (request.method === 'POST' && url.pathname === path) {
      const { status, retryAfter } = await take(request, url);
      response
        .writeHead(status, { ...headers, ...(retryAfter !== undefined && { 'retry-after': `${retryAfter}` }) })
        .end();
      return;
    }
    if (request.method !== 'GET') return void response.writeHead(404, headers).end();
    if (url.pathname === '/cards.json')
      return void response
        .writeHead(200, { ...headers, 'content-type': 'application/json' })
        .end(JSON.stringify(cards));
    const file = Object.hasOwn(files, url.pathname) ? files[url.pathname] : undefined;
    if (!file) return void response.writeHead(404, headers).end();
    response.writeHead(200, { ...headers, 'content-type': file[1] }).end(await readFile(file[0]));
  }

  const server = createServer(
    { cert: await readFile(ca), key: await readFile(certificateKey) },
    (request, response) => {
      serve(request, response).catch(() => response.destroy());
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (!address || typeof address === 'string') throw new Error('the inbox has no port');
  const url = `https://127.0.0.1:${address.port}`;
  return {
    url,
    webhook: `${url}${path}?api-version=1&sig=${signature}`,
    cards: () => cards,
    posts: () => posts,
    trouble: (...answers) => void troubles.push(...answers),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const digest = (text: string) => createHash('sha256').update(text).digest();
const sameText = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

/** The body, or undefined if it is too large; the rest of a large body is read and discarded. */
async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
  }
  return bytes <= maxBytes ? Buffer.concat(chunks).toString('utf8') : undefined;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
