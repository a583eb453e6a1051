import { type Action, type FileReport, worst } from '../report.ts';
import { grouped, pluralise, visible } from './escape.ts';
import { badge, document, findingsSection, type Part } from './page.ts';

/** The report on one file of a folder, with the drawing of the file where it has findings. */
export interface FolderFile {
  readonly report: FileReport;
  readonly parts: readonly Part[];
}

const severities: readonly (Action | undefined)[] = ['block', 'ask', 'warn', undefined];
const severity = ({ report }: FolderFile) => severities.indexOf(worst(report.findings));

function fileSection({ report, parts }: FolderFile): string {
  const heading = `<h1>${visible(report.path)}</h1><p class="note">${badge(report)}${visible(report.type)}</p>`;
  const missing = [...new Set(parts.flatMap(({ left }) => left))].slice(0, 10);
  const note = missing.length > 0 ? `<p class="note">Not shown: ${missing.map(visible).join(' ')}</p>` : '';
  return `<section class="file">${heading}${findingsSection(report)}${parts.map(({ html }) => html).join('')}${note}</section>`;
}

function row({ report }: FolderFile): string {
  const rules = [...new Set(report.findings.map(({ rule }) => rule))].slice(0, 6).join(', ');
  return `<tr><td>${visible(report.path)}</td><td>${badge(report)}</td><td class="n">${grouped(report.findings.length)}</td><td>${visible(rules)}</td></tr>`;
}

/**
 * One self-contained page on all files of a folder, those with the gravest findings first. Nothing in it runs and it
 * loads nothing. `skipped` are entries that were not checked, each with the reason.
 */
export function folderPage(
  folder: string,
  policy: string,
  files: readonly FolderFile[],
  skipped: readonly { readonly path: string; readonly reason: string }[] = [],
): string {
  const sorted = [...files].sort((one, other) => severity(one) - severity(other));
  const found = sorted.filter(({ report }) => report.findings.length > 0);
  const head = ['File', 'Result', 'Findings', 'Rules'].map(name => `<th>${name}</th>`).join('');
  const list = `<section><h2>All files</h2><div class="scroll list"><table><thead><tr>${head}</tr></thead><tbody>${sorted.map(row).join('')}</tbody></table></div></section>`;
  const others = skipped.map(({ path, reason }) => `<li>${visible(path)}: ${visible(reason)}</li>`).join('');
  return document(
    'Disclosure check',
    `<h1>Disclosure check of ${visible(folder)}</h1><p>${pluralise(files.length, 'file')}, ${grouped(found.length)} with findings. Policy ${visible(policy)}.</p>`,
    `${list}${others && `<section><h2>Not checked</h2><ul class="findings">${others}</ul></section>`}${found.map(fileSection).join('')}`,
  );
}
