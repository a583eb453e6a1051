import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dailyCard, escapeCardText } from '../../functions/costs/card.ts';
import { repositoryRoot } from '../../local/cloud.ts';
import { type Inbox, openInbox } from '../../local/inbox.ts';
import { trustCertificate } from '../../local/trust.ts';
import { buildCostReport, exampleReportDate } from './bill-pages.ts';

const hostile = [
  '[free money](https://evil.example/a)',
  '<img src="https://evil.example/b" onerror="alert(1)">',
  '<script>alert(2)</script>',
  'www.evil.example/c',
  '{{DATE(2026-01-01T00:00:00Z,SHORT)}}',
  '**asthma**',
];

let folder: string;
let inbox: Inbox;
let browser: Browser;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'broch-inbox-'));
  const [ca, certificateKey] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  execFileSync(join(repositoryRoot, '.venv/bin/python'), [
    join(repositoryRoot, 'local/python/certificate.py'),
    ca,
    certificateKey,
  ]);
  trustCertificate(ca);
  inbox = await openInbox({ ca, certificateKey });
  // The package's own arguments would switch off what this file looks at: web security and site isolation.
  browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--no-zygote', '--headless=shell', '--use-gl=angle', '--use-angle=swiftshader'],
  });
});

afterAll(async () => {
  await browser?.close();
  await inbox?.close();
  rmSync(folder, { recursive: true, force: true });
});

const post = (body: string, url = inbox.webhook) => fetch(url, { method: 'POST', body });
const hostileCard = dailyCard(buildCostReport(hostile.map((name, index) => [exampleReportDate, name, `${index + 1}`])));

describe('the webhook of the inbox', () => {
  it('accepts a card only with the right signature', async () => {
    const cardCount = inbox.cards().length;
    expect((await post(hostileCard, inbox.webhook.replace(/sig=.*/, 'sig=guess'))).status).toBe(401);
    expect((await post(hostileCard, inbox.webhook.replace(/&sig=.*/, ''))).status).toBe(401);
    expect((await post(hostileCard, `${inbox.url}/workflows/other?sig=x`)).status).toBe(404);
    expect((await post(hostileCard)).status).toBe(202);
    expect(inbox.cards()).toHaveLength(cardCount + 1);
  });

  it.each([
    ['too large a message', 413, 'x'.repeat(28 * 1024 + 1)],
    ['no JSON', 400, '{'],
    ['an old MessageCard', 400, JSON.stringify({ '@type': 'MessageCard', text: 'hello' })],
    ['a card without its envelope', 400, JSON.stringify(JSON.parse(hostileCard).attachments[0].content)],
    [
      'two cards',
      400,
      JSON.stringify({ type: 'message', attachments: [1, 1].map(() => JSON.parse(hostileCard).attachments[0]) }),
    ],
  ])('refuses %s with %d', async (_, status, body) => expect((await post(body)).status).toBe(status));

  it('fails on demand, as Teams does when it is busy', async () => {
    inbox.trouble({ status: 429, retryAfter: 7 }, { status: 502 });
    const busy = await post(hostileCard);
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '7']);
    expect((await post(hostileCard)).status).toBe(502);
    expect((await post(hostileCard)).status).toBe(202);
  });
});

describe('the page of the inbox', () => {
  /** What a browser meets on the page: all that is asked of others, said, thrown and popped up. */
  async function look(width: number) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, ignoreHTTPSErrors: true });
    const activity = { outside: [] as string[], dialogs: [] as string[], errors: [] as string[] };
    page.on('request', request => {
      if (!request.url().startsWith(`${inbox.url}/`) && !request.url().startsWith('data:'))
        activity.outside.push(request.url());
    });
    page.on('dialog', dialog => {
      activity.dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    page.on('pageerror', error => activity.errors.push(error.message));
    page.on('console', line => void (line.type() === 'error' && activity.errors.push(line.text())));
    await page.goto(inbox.url);
    await page.waitForSelector('.card .ac-adaptiveCard');
    return { page, activity };
  }

  it.each([1200, 400])('shows hostile names as text and calls no other server, %d pixels wide', async width => {
    await post(hostileCard);
    const { page, activity } = await look(width);
    const newest = page.locator('article').first();
    const text = await newest.textContent();
    for (const name of hostile) expect(text).toContain(escapeCardText(name));
    expect(await newest.locator('a, img, script, iframe, b, strong:not(.from *)').count()).toBe(0);
    const [content, view] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(content).toBeLessThanOrEqual(view ?? 0);
    expect(activity).toEqual({ outside: [], dialogs: [], errors: [] });
    await page.close();
  });

  it('lets no forged card run scripts or fetch anything', async () => {
    // A server of somebody else, which would hear of anybody who looks at the card.
    const requestUrls: string[] = [];
    const server = createServer((request, response) => {
      requestUrls.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const evil = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await fetch(`${evil}/reachable`);
    const element = (content: object) => ({ ...content, wrap: true });
    const message = {
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: {
            type: 'AdaptiveCard',
            version: '1.5',
            backgroundImage: `${evil}/background.png`,
            body: [
              element({ type: 'TextBlock', text: '[x](javascript:alert(3)) <img src=x onerror=alert(4)>' }),
              { type: 'Image', url: `${evil}/pixel.png` },
              {
                type: 'Media',
                poster: `${evil}/p.png`,
                sources: [{ mimeType: 'video/mp4', url: `${evil}/v` }],
              },
            ],
            actions: [{ type: 'Action.OpenUrl', title: 'Click', url: 'javascript:alert(5)' }],
          },
        },
      ],
    };
    expect((await post(JSON.stringify(message))).status).toBe(202);
    const { page, activity } = await look(1200);
    expect(await page.locator('article').first().textContent()).toContain(
      '[x](javascript:alert(3)) <img src=x onerror=alert(4)>',
    );
    await page.waitForTimeout(300);
    expect({ requestUrls, dialogs: activity.dialogs }).toEqual({ requestUrls: ['/reachable'], dialogs: [] });
    server.close();
    await page.close();
  });

  it('puts new cards on top of the open page', async () => {
    const { page } = await look(1200);
    const cardCount = await page.locator('article').count();
    await post(dailyCard(buildCostReport([[exampleReportDate, 'newcomer', '5']])));
    await page.locator('article', { hasText: 'newcomer' }).first().waitFor();
    expect(await page.locator('article').count()).toBe(cardCount + 1);
    expect(await page.locator('article').first().textContent()).toContain('newcomer');
    await page.close();
  });

  it.each(['/page.ts', '/../package.json', '/%2e%2e/package.json', '/constructor', '/workflows/'])(
    'answers 404 for the path %s',
    async path => expect((await fetch(`${inbox.url}${path}`)).status).toBe(404),
  );
});
