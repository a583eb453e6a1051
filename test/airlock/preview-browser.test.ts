import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../disclosure/byte-source.ts';
import { check } from '../../disclosure/check.ts';
import { renderPreview } from '../../disclosure/preview/preview.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { addNavigation, type ListedFile, overview, sortByGravity } from '../../functions/airlock/overview-page.ts';
import { buildPreviewRequest } from '../disclosure/preview/asked.ts';

const folder = mkdtempSync(join(tmpdir(), 'broch-pages-'));
/** Screenshots go here for people who want to look: BROCH_SCREENSHOTS=<folder> */
const pictures = process.env.BROCH_SCREENSHOTS;
let browser: Browser;

const contents: Readonly<Record<string, string>> = {
  'clean.csv': 'region,people\nDundee,142\nPerth,88\n',
  'notes.md':
    '# Notes\n\nA table of small counts:\n\n| region | people |\n| --- | --- |\n| Dundee | 142 |\n| Perth | 3 |\n',
  'ages.csv': 'region,min age,max age,people\nDundee,18,97,142\nPerth,18,99,88\n',
};

/** Writes the pages of a request as `broch airlock preview` does. */
async function writePages(): Promise<void> {
  const reports = await Promise.all(
    Object.entries(contents).map(async ([path, content], index) => {
      const bytes = Buffer.from(content);
      const file = {
        path,
        size: bytes.length,
        sha256: `${index}`.repeat(64),
        kind: 'table',
        group: 0,
        type: '',
      } as const;
      const { report } = await check(file, memorySource(bytes), policyFor(2));
      const { html } = await renderPreview({ path, type: report.type, report }, memorySource(bytes));
      return { ...file, type: report.type, report, html };
    }),
  );
  const files = sortByGravity(reports);
  mkdirSync(join(folder, 'files'));
  const nameOf = (index: number) => (index in files ? `0000${index + 1}.html` : undefined);
  const rows: ListedFile[] = files.map((file, index) => {
    const neighbours = { index: '../index.html', previous: nameOf(index - 1), next: nameOf(index + 1) };
    writeFileSync(join(folder, `files/${nameOf(index)}`), addNavigation(file.html, neighbours));
    return { ...file, page: `files/${nameOf(index)}`, truncated: false };
  });
  writeFileSync(
    join(folder, 'index.html'),
    overview(buildPreviewRequest('Ages by region'), rows, [
      {
        round: 1,
        outcome: 'returned',
        at: '2026-11-01T10:00:00.000Z',
        votes: buildPreviewRequest('Round the counts.').votes ?? [],
        changes: [{ path: 'ages.csv', change: 'changed' }],
      },
    ]),
  );
}

beforeAll(async () => {
  await writePages();
  if (pictures) mkdirSync(pictures, { recursive: true });
  browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--no-zygote', '--headless=shell', '--use-gl=angle', '--use-angle=swiftshader'],
  });
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const index = pathToFileURL(join(folder, 'index.html')).href;
async function open(width: number, colorScheme: 'light' | 'dark' = 'light') {
  const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
  await page.goto(index);
  return page;
}
type Page = Awaited<ReturnType<typeof open>>;
const takePicture = async (page: Page, name: string) => {
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
};

describe('the pages of a request in a browser', () => {
  it('lead from the overview through all files and back, each with its own title', async () => {
    const page = await open(1100);
    expect(await page.title()).toBe('Ages by region, al-0011223344556677');
    await takePicture(page, 'overview');
    const visited: string[] = [];
    await page.getByRole('link', { name: await page.locator('.list a').first().innerText() }).click();
    for (;;) {
      visited.push(await page.title());
      await takePicture(page, `file-${visited.length}`);
      const next = page.getByRole('link', { name: 'Next file' });
      if ((await next.count()) === 0) break;
      await next.click();
    }
    expect(visited).toHaveLength(3);
    expect(visited.at(-1)).toBe('clean.csv');
    await page.getByRole('link', { name: 'Previous file' }).click();
    expect(await page.title()).toBe(visited[1]);
    await page.getByRole('link', { name: 'All files' }).click();
    expect(await page.title()).toBe('Ages by region, al-0011223344556677');
    await page.close();
  });

  it('mark the lines of a text that findings are about, and call them lines', async () => {
    const page = await open(1100);
    await page.getByRole('link', { name: 'notes.md' }).click();
    const flaggedLines = page.locator('.lines li.block, .lines li.ask, .lines li.warn');
    expect(await flaggedLines.first().innerText()).toContain('Perth');
    expect(await page.locator('.findings .where').first().innerText()).toMatch(/^line 8 = 3/);
    await page.close();
  });

  it('show every value of the list on a phone, without scrolling sideways', async () => {
    const page = await open(390);
    await takePicture(page, 'phone');
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow).toBeLessThanOrEqual(0);
    const row = page.locator('.list tbody tr').first();
    for (const cell of await row.locator('td').all()) {
      const box = await cell.boundingBox();
      expect(box && box.x >= 0 && box.x + box.width <= 390).toBe(true);
    }
    expect(await row.innerText()).toContain('notes.md');
    await page.getByRole('link', { name: 'ages.csv' }).click();
    await takePicture(page, 'phone-file');
    expect(
      await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
    ).toBeLessThanOrEqual(0);
    await page.close();
  });

  it('are dark where the reader prefers that, with text that stands out', async () => {
    const page = await open(1100, 'dark');
    await takePicture(page, 'dark');
    const luminance = (colour: string) => {
      const [red = 0, green = 0, blue = 0] = (/\d+, \d+, \d+/.exec(colour)?.[0] ?? '').split(', ').map(value => {
        const part = Number(value) / 255;
        return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrasts = async () => {
      const pairs = await page.evaluate(() =>
        [...document.querySelectorAll('h1,h2,dt,dd,td,th,li,a,.note,.badge,code')].map(element => {
          let parent: Element | null = element;
          let background = 'rgba(0, 0, 0, 0)';
          for (; parent && background === 'rgba(0, 0, 0, 0)'; parent = parent.parentElement)
            background = getComputedStyle(parent).backgroundColor;
          return [getComputedStyle(element).color, background, element.outerHTML.slice(0, 80)] as const;
        }),
      );
      return pairs.map(([ink, paper, html]) => {
        const [light, dark] = [luminance(ink), luminance(paper)].sort((a, b) => b - a) as [number, number];
        return { html, contrast: (light + 0.05) / (dark + 0.05) };
      });
    };
    for (const name of ['', 'ages.csv', 'notes.md']) {
      if (name) {
        await page.goto(index);
        await page.getByRole('link', { name }).click();
        await takePicture(page, `dark-${name}`);
      }
      expect((await contrasts()).filter(({ contrast }) => contrast < 4.5)).toEqual([]);
    }
    await page.close();
  });
});
