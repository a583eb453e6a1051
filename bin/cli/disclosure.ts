import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as z from 'zod';
import { check } from '../../disclosure/check.ts';
import { compare } from '../../disclosure/compare.ts';
import { fileSource } from '../../disclosure/file-source.ts';
import { type Policy, Tier } from '../../disclosure/policy.ts';
import { type FolderFile, folderPage } from '../../disclosure/preview/folder-page.ts';
import { DEFAULT_PAGE_LIMITS as pageLimits } from '../../disclosure/preview/limits.ts';
import { renderParts } from '../../disclosure/preview/preview.ts';
import { type Action, addFindings, type FileReport, worstAction } from '../../disclosure/report.ts';
import type { TableSummary } from '../../disclosure/sdc/cell-index.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { hashTree, resolveReleaseFolder } from './airlock-tree.ts';
import { type CommandContext, defineCommand } from './commands.ts';
import { formatFinding } from './finding-text.ts';
import { narrowWidth } from './layout.ts';
import { escapeForTerminal, formatCount } from './output.ts';
import { ProgressLine } from './progress.ts';

const severities: readonly (Action | undefined)[] = ['block', 'ask', 'warn', undefined];
const severityOf = ({ findings }: FileReport) => severities.indexOf(worstAction(findings));
interface FolderCheck {
  readonly reports: FileReport[];
  readonly summaries: TableSummary[];
  /** Entries that are not regular files, such as symbolic links. They are not checked. */
  readonly exclusions: { path: string; reason: string }[];
}

/** Checks every file below a folder separately. Shows progress on standard error after two seconds. */
async function checkTree(folder: string, policy: Policy, context: CommandContext): Promise<FolderCheck> {
  using live = new ProgressLine(context);
  const started = Date.now();
  const report = (text: string) => {
    if (Date.now() - started > 2000) live.figures(text);
  };
  const root = await resolveReleaseFolder(folder);
  const entries = await hashTree(root, () => report('reading the files'));
  const result: FolderCheck = { reports: [], summaries: [], exclusions: [] };
  for (const [index, file] of entries.entries()) {
    if ('link' in file) {
      result.exclusions.push({ path: file.path, reason: `It is ${file.link}.` });
      continue;
    }
    report(`checked ${formatCount(index)} of ${formatCount(entries.length)} files, now ${file.path}`);
    const { path, size, sha256 } = file;
    const subject = { path, size, sha256, kind: 'supporting', type: '', group: 0 } as const;
    const { report: fileReport, summaries } = await check(subject, await fileSource(join(root, path)), policy);
    result.reports.push(fileReport);
    result.summaries.push(...summaries);
  }
  return result;
}

function formatReports(reports: readonly FileReport[], { exclusions }: FolderCheck, width: number | undefined): string {
  const withFindings = reports.filter(({ findings }) => findings.length > 0);
  const blockedCount = reports.filter(({ findings }) => worstAction(findings) === 'block').length;
  const groups = withFindings.map(({ path, type, findings }) =>
    [
      escapeForTerminal(path),
      ...findings.map(finding => formatFinding(finding, { width }, { type }).replace(/^(?=.)/gm, '  ')),
    ].join('\n'),
  );
  const clean = reports.length - withFindings.length;
  const summary = [
    `${formatCount(reports.length)} checked, ${formatCount(clean)} without findings, ${formatCount(withFindings.length)} with findings, ${formatCount(blockedCount)} blocked.`,
    ...exclusions.map(({ path, reason }) => `Not checked: ${escapeForTerminal(path)}. ${reason}`),
  ];
  return [...groups, summary.join('\n')].join('\n\n');
}

/** Limits how many files the page draws and how much of each, so that a browser opens it quickly. */
const maxDrawings = 50;
const drawingLimits = { ...pageLimits, rows: 50, columns: 20, lines: 200, parts: 10, html: 200_000 };

async function writePage(
  target: string,
  folder: string,
  policy: Policy,
  reports: readonly FileReport[],
  { exclusions }: FolderCheck,
) {
  const files: FolderFile[] = [];
  for (const [index, report] of reports.entries()) {
    const isDrawn = report.findings.length > 0 && index < maxDrawings;
    const { path, type } = report;
    const source = isDrawn ? await fileSource(join(folder, path)) : undefined;
    const parts = source ? await renderParts({ path, type, size: source.size, report }, source, drawingLimits) : [];
    files.push({ report, parts });
  }
  await writeFile(target, folderPage(folder, policy.version, files, exclusions));
}

export const disclosureCheckCommand = defineCommand({
  words: ['disclosure', 'check'],
  summary: 'Check a folder of results for disclosure before you submit it',
  notes: [
    'Runs on this machine only: it needs no account, no network and no sign-in, and sends nothing anywhere. Every file is',
    'checked with the rules of a tier: small counts, dominance, identifiers, hidden content and more. All tables of the',
    'folder are compared with each other, and with --earlier also with the tables of results released before.',
    'Each finding names the file, the place, the reason and the remedy; files with the most serious findings come first.',
    'The exit code is 1 when a file would be blocked, 0 when none would, and 2 when the command is not understood.',
  ],
  examples: [
    'disclosure check ./results',
    'disclosure check ./results --tier 3 --html report.html',
    'disclosure check ./results --earlier ./released-in-may --json',
  ],
  params: z.object({ folder: z.string().min(1).describe('the folder with the files to check') }),
  flags: z.object({
    tier: z.number().int().min(1).max(3).default(2).describe('how sensitive the data are: 3 is checked most strictly'),
    earlier: z.string().min(1).optional().describe('a folder with results that were released before'),
    html: z.string().min(1).optional().describe('write a report to this file, as one page for a browser'),
  }),
  async run({ params: { folder }, flags: { tier, earlier, html } }, context) {
    const policy = policyFor(Tier.parse(tier));
    const result = await checkTree(folder, policy, context);
    const earlierCheck = earlier === undefined ? undefined : await checkTree(earlier, policy, context);
    const releases = (earlierCheck?.summaries ?? []).map(summary => ({ ...summary, release: earlier ?? '' }));
    const differences = await compare(result.summaries, releases, policy);
    const reports = result.reports
      .map(report => addFindings(report, differences.get(report.path) ?? []))
      .sort((a, b) => severityOf(a) - severityOf(b));
    const isBlocked = reports.some(({ findings }) => worstAction(findings) === 'block');
    if (html !== undefined) await writePage(html, await resolveReleaseFolder(folder), policy, reports, result);
    context.result(
      { blocked: isBlocked, policy: policy.version, files: reports, skipped: result.exclusions },
      formatReports(reports, result, context.width && narrowWidth(context.width, 2)),
    );
    if (html !== undefined) context.remark(`Open the report in a browser: ${pathToFileURL(resolve(html)).href}`);
    return isBlocked ? 'blocked' : 'ok';
  },
});
