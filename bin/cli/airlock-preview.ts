import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as z from 'zod';
import type { FileReport } from '../../disclosure/report.ts';
import { PageStartQuery } from '../../functions/airlock/file-queries.ts';
import {
  addNavigation,
  type EarlierRound,
  type ListedFile,
  overview,
  sortByGravity,
} from '../../functions/airlock/overview-page.ts';
import type { SealedFile } from '../../functions/airlock/request/manifest.ts';
import { routes } from '../../functions/api/routes.ts';
import { compareFileLists } from '../../functions/ingest/catalogue.ts';
import { mapInParallel } from '../../functions/storage/parallel.ts';
import type { ApiClient } from './call.ts';
import { defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { formatCount } from './output.ts';
import { ProgressLine } from './progress.ts';

/** Records what was previewed, so that a vote can apply to exactly that. */
export const PreviewReceipt = z.object({
  project: z.string(),
  request: z.string(),
  round: z.number().int(),
  seal: z.string(),
  /** All sealed files, and those that have a page. */
  files: z.number().int(),
  shown: z.array(z.string()),
  /** Files that are shown only in part. */
  partly: z.array(z.string()),
});
export const previewReceiptFile = 'seen.json';

type Params = { project: string; request: string };

/** The sealed files: of the current seal, or of that of an earlier round. */
async function allFiles(api: ApiClient, params: Params, round?: number): Promise<SealedFile[]> {
  const files: SealedFile[] = [];
  for (let next: string | undefined, hasMore = true; hasMore; hasMore = next !== undefined) {
    const query = { limit: 100, ...(next !== undefined && { next }), ...(round !== undefined && { round }) };
    const page = await api.ask('listFiles', { params, query });
    files.push(...page.items);
    next = page.next;
  }
  return files;
}

/** The completed rounds before this one, newest first, with how their files differ from those of now. */
async function earlierRounds(api: ApiClient, params: Params, files: readonly SealedFile[], round: number) {
  if (round < 2) return [];
  const { items } = await api.ask('listRounds', { params, query: { limit: 20 } });
  const previous = items.filter(item => item.round < round).sort((a, b) => b.round - a.round);
  return Promise.all(
    previous.map(async (item): Promise<EarlierRound> => {
      const earlierFiles = await allFiles(api, params, item.round).catch((error: unknown) => {
        if (error instanceof ExitError && error.ending === 'refused') return undefined;
        throw error;
      });
      return { ...item, changes: earlierFiles && compareFileLists(earlierFiles, files) };
    }),
  );
}

async function allReports(api: ApiClient, params: Params): Promise<Map<string, FileReport>> {
  const reports = new Map<string, FileReport>();
  for (let next: string | undefined, hasMore = true; hasMore; hasMore = next !== undefined) {
    const page = await api.ask('showChecks', { params, query: { limit: 100, ...(next !== undefined && { next }) } });
    for (const report of page.items) reports.set(report.path, report);
    next = page.next;
  }
  return reports;
}

export const airlockPreviewCommand = defineCommand({
  words: ['airlock', 'preview'],
  summary: 'Save a request as pages that are safe to open, with the findings marked in each file',
  notes: [
    'Writes <folder>/index.html, which lists the files by group and links to a page for each. Pages run no code and load',
    'nothing: tables, workbooks, notebooks and text are shown as text, pictures are redrawn, and of any other file only',
    'the first bytes are shown. Only you can read the pages; delete them after you have voted.',
    'A page that shows only part of its file says what is missing. To page through the rest, name the file with --path and',
    'where the page starts with --row, --column, --character or --part.',
    'To vote on exactly these pages: broch airlock review <project> <request> --seen <folder>.',
  ],
  examples: [
    'airlock preview asthma al-0011223344556677 ./look',
    'airlock preview asthma al-0011223344556677 ./look --path tables/table1.csv',
    'airlock preview asthma al-0011223344556677 ./rest --path tables/table1.csv --row 201',
  ],
  params: z.object({
    ...routes.viewFile.params.shape,
    folder: z.string().min(1).describe('a new or empty folder for the pages'),
  }),
  flags: z.object({
    path: z.array(z.string().min(1)).optional().describe('only this file, named as in `airlock files`'),
    ...PageStartQuery.shape,
  }),
  async run({ params: { folder, ...params }, flags }, context) {
    const api = context.api();
    const { path: paths, ...start } = flags;
    if (Object.values(start).some(first => first > 1) && paths?.length !== 1)
      throw new ExitError('usage', 'Name the file to page through: pass one --path.');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (readdirSync(folder).length > 0)
      throw new ExitError(
        'refused',
        `${folder} is not empty. Name a new folder; existing files are never overwritten.`,
      );
    const request = await api.ask('showRequest', { params });
    if (!request.seal && request.fullReport)
      throw new ExitError(
        'refused',
        `Only reviewers can see sealed files here. On a desktop of ${request.project}, open ${request.fullReport}.`,
      );
    if (!request.seal)
      throw new ExitError(
        'refused',
        `${request.id} is ${request.status}: it has no sealed files. Wait until it is sealed.`,
      );
    const files = await allFiles(api, params);
    const unknown = paths?.filter(path => !files.some(file => file.path === path)) ?? [];
    if (unknown.length > 0)
      throw new ExitError(
        'refused',
        'These files are not in the sealed request. Use the names that `broch airlock files` lists.',
        { errors: unknown },
      );
    const reports = request.report ? await allReports(api, params) : new Map<string, FileReport>();
    // Pages follow each other as the overview lists them.
    const selection = sortByGravity(
      files
        .filter(({ path }) => paths?.includes(path) ?? true)
        .map(file => ({ ...file, report: reports.get(file.path) })),
    );
    const pageName = (index: number) => (index in selection ? `${String(index + 1).padStart(5, '0')}.html` : undefined);
    mkdirSync(join(folder, 'files'), { mode: 0o700 });
    const put = (name: string, text: string) => writeFileSync(join(folder, name), text, { flag: 'wx', mode: 0o600 });
    const pages = new Map<string, { page: string; truncated: boolean }>();
    using live = new ProgressLine(context);
    const started = Date.now();
    await mapInParallel([...selection.entries()], 4, async ([index, { path }]) => {
      const { html, truncated } = await api.ask('viewFile', { params, query: { path, ...start } });
      const page = `files/${pageName(index)}`;
      const neighbours = { index: '../index.html', previous: pageName(index - 1), next: pageName(index + 1) };
      put(page, addNavigation(html, neighbours));
      pages.set(path, { page, truncated });
      if (Date.now() - started > 1000)
        live.figures(`drew ${formatCount(pages.size)} of ${formatCount(selection.length)} files, ${path}`);
    });
    live.end();
    const latest = await api.ask('showRequest', { params });
    if (latest.seal?.sha256 !== request.seal.sha256)
      throw new ExitError(
        'refused',
        'The request was submitted again while its files were downloaded. Preview it again in a new folder.',
      );
    const rows: ListedFile[] = files.map(file => ({
      ...file,
      report: reports.get(file.path),
      ...pages.get(file.path),
    }));
    put('index.html', overview(latest, rows, await earlierRounds(api, params, files, request.round)));
    const partly = [...pages].flatMap(([path, { truncated }]) => (truncated ? [path] : [])).sort();
    const receipt: z.infer<typeof PreviewReceipt> = {
      ...params,
      round: request.round,
      seal: request.seal.sha256,
      files: files.length,
      shown: [...pages.keys()].sort(),
      partly,
    };
    put(previewReceiptFile, `${JSON.stringify(receipt, null, 2)}\n`);
    const index = resolve(folder, 'index.html');
    context.result(
      { ok: true, index, seal: receipt.seal, files: files.length, shown: pages.size, partly },
      `${formatCount(pages.size)} of ${formatCount(files.length)} files have a page. Open them in a browser: ${pathToFileURL(index).href}`,
    );
    if (partly.length > 0)
      context.remark(
        `${formatCount(partly.length)} of the pages show only part of a file; each says what is missing. Page through the rest with --path and --row, --column, --character or --part.`,
      );
    if (latest.status === 'inReview')
      context.remark(
        `Then vote: broch airlock review ${params.project} ${params.request} --seen ${folder} --verdict approve`,
      );
    return 'ok';
  },
});
