import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePng } from '../../../disclosure/preview/png.ts';
import { PREVIEW_CONTENT_POLICY } from '../../../disclosure/preview/style.ts';
import {
  makeDocumentWithText,
  makeDrawingWithMarkup,
  makeJsonWithText,
  makeModelWithText,
  makeNotebookWithText,
  makeParquetWithText,
  makeWorkbookWithText,
} from './kinds.ts';
import { buildBlockReport, makePngChunk, renderTestPreview } from './pages.ts';

let browser: Browser;
/** Somebody else's server: whatever reaches it has left the page. */
const requests: string[] = [];
const server = createServer((request, response) => {
  requests.push(request.url ?? '');
  response.end();
});
let evil: string;

beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  evil = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--no-zygote', '--headless=shell', '--use-gl=angle', '--use-angle=swiftshader'],
  });
});

afterAll(async () => {
  await browser?.close();
  server.close();
});

/** Opens a document as a reviewer's browser does, and tells of all that it did beyond showing it. */
async function look(html: string) {
  const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
  const activity = { requests: [] as string[], dialogs: [] as string[], errors: [] as string[], popups: 0 };
  page.on(
    'request',
    request => void (/^data:image\/(png|svg\+xml);/.test(request.url()) || activity.requests.push(request.url())),
  );
  page.on('dialog', dialog => {
    activity.dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  page.on('popup', () => activity.popups++);
  page.on('pageerror', error => activity.errors.push(error.message));
  page.on('console', line => activity.errors.push(line.text()));
  await page.setContent(html, { waitUntil: 'load' });
  await page.waitForTimeout(100);
  return { page, activity };
}
const quiet = { requests: [], dialogs: [], errors: [], popups: 0 };

const pixel = encodePng({ width: 2, height: 2, data: new Uint8Array(16).fill(200) });

/** A file's bytes, with the address of that server where it stands for it. */
const contentOf = (content: string | Buffer | ((evil: string) => Buffer)) =>
  typeof content === 'string' ? content.replaceAll('@', evil) : typeof content === 'function' ? content(evil) : content;

/** Files as somebody would write them who wants to run, fetch, hide or deceive. `@` stands for their own server. */
const hostile: [what: string, path: string, type: string, content: string | Buffer | ((evil: string) => Buffer)][] = [
  ['a script in a CSV', 'a.csv', 'text/csv', 'a,b\n<script src=@/1></script>,"<img src=@/2 onerror=alert(1)>"\n'],
  ['a quote that ends an attribute', 'a.csv', 'text/csv', `a\n"""><svg onload=fetch('@/3')>"\n`],
  [
    'an SVG',
    'a.svg',
    'image/svg+xml',
    '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(2)"><image href="@/4"/></svg>',
  ],
  [
    'a page',
    'a.html',
    'text/html',
    '<!doctype html><meta http-equiv=refresh content="0;url=@/5"><iframe src="@/6"></iframe><base href="@/">',
  ],
  [
    'a style',
    'a.css',
    'text/css',
    '</style><style>@import "@/7";body{background:url(@/8)}</style><link rel=stylesheet href=@/9>',
  ],
  [
    'addresses that run',
    'a.txt',
    'text/plain',
    'javascript:alert(3) <a href="javascript:alert(4)">x</a> data:text/html,<script>alert(5)</script>',
  ],
  [
    'a notebook',
    'a.ipynb',
    'application/x-ipynb+json',
    '{"cells":[{"outputs":[{"data":{"text/html":["<script>alert(6)</script><img src=@/10>"]}}]}]}',
  ],
  ['a name that runs', '"><img src=x onerror=alert(7)>.csv', 'text/csv', 'a\n1\n'],
  ['a name that turns round', 'result\u202evsc.exe', 'text/plain', 'a\u202eb\u2066c\n'],
  ['a type that runs', 'a.bin', '"><script>alert(8)</script>', Buffer.from([0, 1, 2, 255])],
  ['a template', 'a.txt', 'text/plain', '{{constructor.constructor("alert(9)")()}} ${alert(9)} <%= alert(9) %>'],
  [
    'an end of everything',
    'a.txt',
    'text/plain',
    '--></title></style></textarea></script></pre></td></table><script>alert(10)</script>',
  ],
  [
    'a link that loads ahead',
    'a.txt',
    'text/plain',
    '<link rel="dns-prefetch" href="@/11"><link rel=preload as=image href=@/12><video src=@/13 autoplay>',
  ],
  ['a form', 'a.txt', 'text/plain', '<form action=@/14><input autofocus onfocus=this.form.submit()></form>'],
  ['UTF-7 and other alphabets', 'a.txt', 'text/plain', '+ADw-script+AD4-alert(11)+ADw-/script+AD4- \uff1cscript\uff1e'],
  [
    'a picture that is a page as well',
    'a.png',
    'image/png',
    Buffer.concat([
      pixel.subarray(0, 33),
      makePngChunk('tEXt', Buffer.from('x\0<script>alert(12)</script>')),
      pixel.subarray(33),
      Buffer.from('<script>alert(13)</script>'),
    ]),
  ],
  [
    'a page that begins as a picture',
    'a.png',
    'image/png',
    Buffer.concat([pixel.subarray(0, 8), Buffer.from('<script>alert(14)</script>')]),
  ],
  [
    'a PDF with a script',
    'a.pdf',
    'application/pdf',
    Buffer.from('%PDF-1.7\n\xff\xfe1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(15))>>>>', 'latin1'),
  ],
];

/** All of it at once, for a file of any kind. */
const worst = `"><script src=@/20></script><img src=@/21 onerror=alert(20)><svg onload=alert(21)></svg></style><style>@import "@/22";</style>`;
/** The same as a drawing may have it, and what only a drawing has. */
const insertions = `<script href="@/30">alert(30)</script><image href="@/31" onload="alert(31)"/><foreignObject><iframe src="@/32"/></foreignObject><style>@import url(@/33); rect{fill:url(@/34)}</style><rect width="9" height="9" style="fill:url(@/35#a)" filter="url(@/36#f)"/><use href="@/37#x"/><a href="@/38"><text>x</text></a><set attributeName="href" to="@/39"/>`;
for (const [path, build] of [
  ['a.xlsx', makeWorkbookWithText],
  ['a.parquet', makeParquetWithText],
  ['a.ipynb', makeNotebookWithText],
  ['a.safetensors', makeModelWithText],
  ['a.json', makeJsonWithText],
  ['a.docx', makeDocumentWithText],
] as const)
  for (const [name, markup] of [
    ['all of it', worst],
    ['what a drawing may have', insertions],
  ] as const)
    hostile.push([`${path} with ${name}`, path, 'x', origin => Buffer.from(build(markup.replaceAll('@', origin)))]);
hostile.push(['a drawing with all that may be in one', 'a.svg', 'image/svg+xml', makeDrawingWithMarkup(insertions)]);

describe('the page of a hostile file runs nothing and fetches nothing', () => {
  it.each(hostile)('%s', async (_, path, type, content) => {
    requests.length = 0;
    const bytes = contentOf(content);
    const report = {
      ...buildBlockReport([[2, 1, String(bytes).slice(0, 200)]]),
      type,
      policy: `"><img src=${evil}/p>`,
    };
    const { html } = await renderTestPreview(path, type, bytes, {
      ...report,
      findings: report.findings.map(finding => ({ ...finding, message: String(bytes) })),
    });
    const { page, activity } = await look(html);
    expect(activity).toEqual(quiet);
    expect(requests).toEqual([]);
    expect(await page.locator('script, iframe, object, embed, svg, video, form, input, a, link, base').count()).toBe(0);
    expect(await page.locator('meta[http-equiv]').count()).toBe(1);
    await page.close();
  });

  it('is held by its content policy even where escaping fails', async () => {
    requests.length = 0;
    const { html } = await renderTestPreview('a.txt', 'text/plain', 'MARK');
    const hole = `<script>alert(1)</script><img src="${evil}/a" onerror="alert(2)"><style>body{background:url(${evil}/b)}</style><link rel="stylesheet" href="${evil}/c"><iframe src="${evil}/d"></iframe><b style="background:url(${evil}/e)">x</b><svg onload="alert(3)"></svg>`;
    const { page, activity } = await look(html.replace('MARK', hole));
    expect(activity.dialogs).toEqual([]);
    expect(requests).toEqual([]);
    await page.close();
    // The server can hear: it is the policy that keeps the page silent.
    const { page: open } = await look(html.replace(/<meta http-equiv[^>]*>/, '').replace('MARK', hole));
    expect(requests).toContain('/a');
    await open.close();
  });

  it('allows only its own style and pictures as data', () =>
    expect(PREVIEW_CONTENT_POLICY).toMatch(
      /^default-src 'none'; img-src data:; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'$/,
    ));
});

describe('what a reviewer sees', () => {
  it('highlights the flagged cell and no other', async () => {
    const { html } = await renderTestPreview(
      't.csv',
      'text/csv',
      'group,n\na,12\nb,3\nc,40\n',
      buildBlockReport([[3, 2, '3']]),
    );
    const { page, activity } = await look(html);
    expect(activity).toEqual(quiet);
    const styles = await page.locator('tbody td').evaluateAll(cells =>
      cells.map(cell => ({
        text: cell.textContent,
        outline: getComputedStyle(cell).outlineStyle,
        color: getComputedStyle(cell).backgroundColor,
      })),
    );
    expect(styles.filter(({ outline }) => outline === 'solid')).toEqual([
      { text: '31', outline: 'solid', color: 'rgb(253, 236, 234)' },
    ]);
    expect(await page.locator('.findings li').count()).toBe(1);
    await page.close();
  });

  it("shows a file's name as it is written, with its invisible characters", async () => {
    const { html } = await renderTestPreview('result\u202evsc.exe', 'text/plain', 'x');
    const { page } = await look(html);
    expect(await page.locator('h1').innerText()).toBe('resultU+202Evsc.exe');
    await page.close();
  });

  it('draws the picture', async () => {
    const { html } = await renderTestPreview('a.png', 'image/png', pixel);
    const { page, activity } = await look(html);
    expect(await page.locator('img').evaluate(img => (img as HTMLImageElement).naturalWidth)).toBe(2);
    expect(activity).toEqual(quiet);
    await page.close();
  });

  it('draws the drawing, which loads nothing', async () => {
    requests.length = 0;
    const { html } = await renderTestPreview(
      'a.svg',
      'image/svg+xml',
      makeDrawingWithMarkup(insertions.replaceAll('@', evil)),
    );
    const { page } = await look(html);
    expect(await page.locator('img').evaluate(img => (img as HTMLImageElement).naturalWidth)).toBe(300);
    const [red, green, blue] = await page.locator('img').evaluate(img => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 300, height: 120 });
      const context = canvas.getContext('2d');
      context?.drawImage(img as HTMLImageElement, 0, 0);
      return [...(context?.getImageData(40, 80, 1, 1).data ?? [])];
    });
    // The colour that its style sheet gives to a bar.
    expect([red, green, blue]).toEqual([0x1f, 0x5f, 0xa8]);
    expect(requests).toEqual([]);
    await page.close();
  });

  it('fits the page without scrolling sideways', async () => {
    for (const [, path, type, content] of hostile) {
      const { html } = await renderTestPreview(path, type, contentOf(content));
      const { page } = await look(html);
      const [content_, view] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      expect(content_, path).toBeLessThanOrEqual(view ?? 0);
      await page.close();
    }
  });
});
