import { type Action, type CheckFinding, type FileReport, worst } from '../report.ts';
import { escaped, grouped, short, visible } from './escape.ts';
import { policy, style } from './style.ts';

/** One part of a preview, as HTML of our own making around text that was escaped. */
export interface Part {
  readonly html: string;
  /** What was left out, in a sentence each; none when all is shown. */
  readonly left: readonly string[];
}

const words: Record<Action, string> = { block: 'Blocked', ask: 'Needs an explanation', warn: 'Look closely' };

function badge(report: FileReport | undefined): string {
  if (!report) return '<span class="badge none">Not checked</span>';
  const of = worst(report.findings);
  return of ? `<span class="badge ${of}">${words[of]}</span>` : '<span class="badge good">No findings</span>';
}

/** A column as spreadsheets name it: 1 is A, 28 is AB. */
export function letters(column: number): string {
  let [name, left] = ['', column];
  while (left > 0) {
    name = String.fromCharCode(65 + ((left - 1) % 26)) + name;
    left = Math.floor((left - 1) / 26);
  }
  return name;
}

function finding({ action, says, rule, cells, count }: CheckFinding, n: number): string {
  const where = cells
    .slice(0, 12)
    .map(
      ({ sheet, row, column, value }) =>
        `${sheet === undefined ? '' : `${visible(sheet)}!`}${letters(column)}${row} = ${short(value, 40)}`,
    );
  const more = count - Math.min(cells.length, 12);
  const place = where.length > 0 ? where.join(', ') + (more > 0 ? ` and ${grouped(more)} more` : '') : '';
  return `<li class="${action}"><b>${n}. ${words[action]}</b><code>${visible(rule)}</code><br>${visible(says)}${place && `<span class="where">${place}</span>`}</li>`;
}

function findings(report: FileReport | undefined): string {
  if (!report || report.findings.length === 0) return '';
  const shown = report.findings.slice(0, 100);
  const more = report.findings.length - shown.length;
  return `<section><h2>What the checks found</h2><ul class="findings">${shown.map((one, i) => finding(one, i + 1)).join('')}</ul>${more > 0 ? `<p class="note">${grouped(more)} more are in the report.</p>` : ''}</section>`;
}

function checked(report: FileReport | undefined): string {
  if (!report) return 'No report is there for this file.';
  const seen = [
    ...(report.rows === undefined ? [] : [`${grouped(report.rows)} rows`]),
    ...(report.cells === undefined ? [] : [`${grouped(report.cells)} cells`]),
  ];
  const rules = report.ran.length === 1 ? '1 rule' : `${report.ran.length} rules`;
  return `Checked by ${rules} of policy ${visible(report.policy)}${seen.length > 0 ? `, over ${seen.join(' and ')}` : ''}.`;
}

/** A whole document. It fetches nothing and runs nothing, whatever was in the file. */
export function page(
  file: { path: string; type: string; report?: FileReport | undefined },
  parts: readonly Part[],
): string {
  const left = parts.flatMap(part => part.left);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${escaped(policy)}"><meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width"><title>Preview</title><style>${style}</style></head><body><header><h1>${visible(file.path)}</h1><p>${badge(file.report)}${visible(file.type)} · ${checked(file.report)}</p></header><main>${findings(file.report)}${parts.map(({ html }) => html).join('')}${left.length > 0 ? `<section><h2>Not shown</h2><p class="note">${left.map(escaped).join(' ')}</p></section>` : ''}</main></body></html>`;
}
