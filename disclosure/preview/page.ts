import { type Action, type Cell, type CheckFinding, type FileReport, worstAction } from '../report.ts';
import { escapeHtml, groupDigits, toShortHtml, toVisibleHtml } from './escape.ts';
import { PREVIEW_CONTENT_POLICY, PREVIEW_STYLE } from './style.ts';

/** What the requester says a group of files is for. */
interface GroupPurpose {
  readonly name: string;
  readonly kind: string;
  readonly purpose: string;
  readonly context: string;
  readonly controls: string;
}

/** One part of a preview, as HTML of our own making around text that was escaped. */
export interface PagePart {
  readonly html: string;
  /** What was left out, in a sentence each; none when all is shown. */
  readonly omissions: readonly string[];
}

const words: Record<Action, string> = { block: 'Blocked', ask: 'Needs an explanation', warn: 'Look closely' };

export function renderBadge(report: FileReport | undefined): string {
  if (!report) return '<span class="badge none">Not checked</span>';
  const action = worstAction(report.findings);
  return action
    ? `<span class="badge ${action}">${words[action]}</span>`
    : '<span class="badge good">No findings</span>';
}

/** Types whose places are lines; those of all others are cells. */
const lineTypes: ReadonlySet<string> = new Set(['text/plain', 'text/markdown', 'text/x-code', 'text/html']);

/** Where a finding is: `line 3` of a text, otherwise a cell such as `B2`, after the name of its sheet. */
export function formatPlace({ sheet, row, column }: Pick<Cell, 'sheet' | 'row' | 'column'>, type = ''): string {
  if (lineTypes.has(type)) return `line ${groupDigits(row)}`;
  return `${sheet === undefined ? '' : `${sheet}!`}${columnLetters(column)}${row}`;
}

/** A column as spreadsheets name it: 1 is A, 28 is AB. */
export function columnLetters(column: number): string {
  let [name, rest] = ['', column];
  while (rest > 0) {
    name = String.fromCharCode(65 + ((rest - 1) % 26)) + name;
    rest = Math.floor((rest - 1) / 26);
  }
  return name;
}

function finding({ action, message, rule, cells, count }: CheckFinding, number: number, type: string): string {
  const places = cells
    .slice(0, 12)
    .map(cell => `${toVisibleHtml(formatPlace(cell, type))} = ${toShortHtml(cell.value, 40)}`);
  const rest = count - Math.min(cells.length, 12);
  const place = places.length > 0 ? places.join(', ') + (rest > 0 ? ` and ${groupDigits(rest)} more` : '') : '';
  return `<li class="${action}"><b>${number}. ${words[action]}</b><code>${toVisibleHtml(rule)}</code><br>${toVisibleHtml(message)}${place && `<span class="where">${place}</span>`}</li>`;
}

/** The section that lists what the checks found; empty where they found nothing. */
export function findingsSection(report: FileReport | undefined): string {
  if (!report || report.findings.length === 0) return '';
  const findings = report.findings.slice(0, 100);
  const rest = report.findings.length - findings.length;
  return `<section><h2>What the checks found</h2><ul class="findings">${findings.map((item, index) => finding(item, index + 1, report.type)).join('')}</ul>${rest > 0 ? `<p class="note">${groupDigits(rest)} more are in the report.</p>` : ''}</section>`;
}

function checkSummary(report: FileReport | undefined): string {
  if (!report) return 'There is no report for this file.';
  const sizes = [
    ...(report.rows === undefined ? [] : [`${groupDigits(report.rows)} rows`]),
    ...(report.cells === undefined ? [] : [`${groupDigits(report.cells)} cells`]),
  ];
  const rules = report.ran.length === 1 ? '1 rule' : `${report.ran.length} rules`;
  return `Checked by ${rules} of policy ${toVisibleHtml(report.policy)}${sizes.length > 0 ? `, over ${sizes.join(' and ')}` : ''}.`;
}

/** What the page says of a file: as it was sealed, and in the requester's words. */
export interface PageSubject {
  readonly path: string;
  /** The media type that the seal says, for what people read and as a wish: the bytes decide. */
  readonly type: string;
  readonly size?: number;
  readonly sha256?: string;
  /** The file that was submitted, where the sealed one was written again from it. */
  readonly original?: { readonly size: number; readonly sha256: string } | undefined;
  readonly kind?: string;
  readonly group?: GroupPurpose | undefined;
  readonly report?: FileReport | undefined;
}

/** Prose, with the line ends that it was written with. */
export const toMultilineHtml = (text: string): string =>
  text
    .split(/\r\n|\n|\r/)
    .map(toVisibleHtml)
    .join('<br>');

/** Names with their values, as HTML. */
export const renderFactList = (facts: readonly (readonly [string, string])[]): string =>
  `<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl>`;

function fileFacts({ size, sha256, original, kind, group }: PageSubject): string {
  const facts: (readonly [string, string])[] = [
    ...(group
      ? ([
          ['Group', toVisibleHtml(group.name)],
          ['Purpose', toMultilineHtml(group.purpose)],
          ['Context', group.context ? toMultilineHtml(group.context) : 'None was given.'],
          ['Controls', group.controls ? toMultilineHtml(group.controls) : 'None are said to have been applied.'],
        ] as const)
      : []),
    ...(kind === undefined ? [] : ([['Kind', toVisibleHtml(kind)]] as const)),
    ...(size === undefined ? [] : ([['Size', `${groupDigits(size)} bytes`]] as const)),
    ...(sha256 === undefined ? [] : ([['SHA-256', `<code>${toVisibleHtml(sha256)}</code>`]] as const)),
    ...(original === undefined
      ? []
      : ([
          [
            'Submitted as',
            `${groupDigits(original.size)} bytes, SHA-256 <code>${toVisibleHtml(original.sha256)}</code>; written again when it was sealed, from what this page shows`,
          ],
        ] as const)),
  ];
  return facts.length === 0
    ? ''
    : `<section><h2>About this file, as it was sealed</h2>${renderFactList(facts)}</section>`;
}

/** A document of our own making. It fetches nothing and runs nothing, whatever is in it. */
export const renderHtmlDocument = (title: string, header: string, main: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${escapeHtml(PREVIEW_CONTENT_POLICY)}"><meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title.replace(/\p{C}/gu, ' '))}</title><style>${PREVIEW_STYLE}</style></head><body><header>${header}</header><main>${main}</main></body></html>`;

/** The page of a file: what it is and what was found, then its parts. */
export function renderFilePage(file: PageSubject, parts: readonly PagePart[]): string {
  const omissions = [...new Set(parts.flatMap(part => part.omissions))];
  const missing = omissions.slice(0, 40).concat(omissions.length > 40 ? ['And more.'] : []);
  return renderHtmlDocument(
    file.path,
    `<h1>${toVisibleHtml(file.path)}</h1><p>${renderBadge(file.report)}${toVisibleHtml(file.type)} · ${checkSummary(file.report)}</p>`,
    `${fileFacts(file)}${findingsSection(file.report)}${parts.map(({ html }) => html).join('')}${omissions.length > 0 ? `<section><h2>Not shown</h2><p class="note">${missing.map(escapeHtml).join(' ')} A page that starts at a later row, column, character or part shows more.</p></section>` : ''}`,
  );
}
