import { type Action, type FileReport, worstAction } from '../report.ts';
import { groupDigits, pluralise, toVisibleHtml } from './escape.ts';
import { findingsSection, type PagePart, renderBadge, renderHtmlDocument } from './page.ts';

/** The report on one file of a folder, with the drawing of the file where it has findings. */
export interface FolderFile {
  readonly report: FileReport;
  readonly parts: readonly PagePart[];
}

const severities: readonly (Action | undefined)[] = ['block', 'ask', 'warn', undefined];
const severity = ({ report }: FolderFile) => severities.indexOf(worstAction(report.findings));

function fileSection({ report, parts }: FolderFile): string {
  const heading = `<h1>${toVisibleHtml(report.path)}</h1><p class="note">${renderBadge(report)}${toVisibleHtml(report.type)}</p>`;
  const missing = [...new Set(parts.flatMap(({ omissions }) => omissions))].slice(0, 10);
  const note = missing.length > 0 ? `<p class="note">Not shown: ${missing.map(toVisibleHtml).join(' ')}</p>` : '';
  return `<section class="file">${heading}${findingsSection(report)}${parts.map(({ html }) => html).join('')}${note}</section>`;
}

function row({ report }: FolderFile): string {
  const rules = [...new Set(report.findings.map(({ rule }) => rule))].slice(0, 6).join(', ');
  return `<tr><td>${toVisibleHtml(report.path)}</td><td>${renderBadge(report)}</td><td class="n">${groupDigits(report.findings.length)}</td><td>${toVisibleHtml(rules)}</td></tr>`;
}

/**
 * One self-contained page on all files of a folder, those with the gravest findings first. Nothing in it runs and it
 * loads nothing. `unchecked` are entries that were not checked, each with the reason.
 */
export function folderPage(
  folder: string,
  policy: string,
  files: readonly FolderFile[],
  unchecked: readonly { readonly path: string; readonly reason: string }[] = [],
): string {
  const sorted = [...files].sort((first, second) => severity(first) - severity(second));
  const flaggedFiles = sorted.filter(({ report }) => report.findings.length > 0);
  const head = ['File', 'Result', 'Findings', 'Rules'].map(name => `<th>${name}</th>`).join('');
  const list = `<section><h2>All files</h2><div class="scroll list"><table><thead><tr>${head}</tr></thead><tbody>${sorted.map(row).join('')}</tbody></table></div></section>`;
  const uncheckedList = unchecked
    .map(({ path, reason }) => `<li>${toVisibleHtml(path)}: ${toVisibleHtml(reason)}</li>`)
    .join('');
  return renderHtmlDocument(
    'Disclosure check',
    `<h1>Disclosure check of ${toVisibleHtml(folder)}</h1><p>${pluralise(files.length, 'file')}, ${groupDigits(flaggedFiles.length)} with findings. Policy ${toVisibleHtml(policy)}.</p>`,
    `${list}${uncheckedList && `<section><h2>Not checked</h2><ul class="findings">${uncheckedList}</ul></section>`}${flaggedFiles.map(fileSection).join('')}`,
  );
}
