import { escapeHtml, groupDigits, pluralise, toShortHtml, toVisibleHtml } from '../../disclosure/preview/escape.ts';
import { renderBadge, renderFactList, renderHtmlDocument, toMultilineHtml } from '../../disclosure/preview/page.ts';
import { type FileReport, worstAction } from '../../disclosure/report.ts';
import type { SealedFile } from './request/manifest.ts';
import type { RequestView } from './request/request-view.ts';

/** A sealed file of an overview; `page` is the page that shows it, as a relative address, where there is one. */
export interface ListedFile extends Pick<SealedFile, 'path' | 'size' | 'sha256' | 'kind' | 'type' | 'group'> {
  readonly report?: FileReport | undefined;
  readonly page?: string | undefined;
  readonly truncated?: boolean;
}

const words = { approve: 'Approve', return: 'Return', reject: 'Reject' } as const;

function votes(view: RequestView): string {
  if (view.votes === undefined) return '';
  const items = view.votes.map(({ name, verdict, at: time, comment, note, files }) => {
    const lines = [
      ...(comment ? [`To the requester: ${toMultilineHtml(comment)}`] : []),
      ...(note ? [`To reviewers only: ${toMultilineHtml(note)}`] : []),
      ...files.map(file => `${toVisibleHtml(file.path)}: ${toMultilineHtml(file.comment)}`),
    ];
    return `<li><b>${words[verdict]}</b>, ${toVisibleHtml(name)}, ${toVisibleHtml(time)}${lines.map(line => `<br>${line}`).join('')}</li>`;
  });
  const placeholder = 'None that you may see: each reviewer sees their own until all have voted.';
  return `<section><h2>Votes</h2>${items.length > 0 ? `<ul class="findings">${items.join('')}</ul>` : `<p class="note">${placeholder}</p>`}</section>`;
}

function row({ path, kind, type, size, sha256, report, page, truncated }: ListedFile): string {
  const name =
    page === undefined ? toShortHtml(path, 200) : `<a href="${escapeHtml(page)}">${toShortHtml(path, 200)}</a>`;
  const rules = [...new Set((report?.findings ?? []).map(({ rule }) => rule))];
  const summary =
    rules.length > 0
      ? `${pluralise(report?.findings.length ?? 0, 'finding')}: ${toVisibleHtml(rules.slice(0, 6).join(', '))}`
      : '';
  const extent = page === undefined ? 'not fetched' : truncated ? 'in part' : 'whole';
  return `<tr><td>${name}</td><td>${renderBadge(report)}${summary}</td><td>${toVisibleHtml(kind)}</td><td>${toVisibleHtml(type)}</td><td class="n">${groupDigits(size)}</td><td>${extent}</td><td><code>${toVisibleHtml(sha256.slice(0, 16))}…</code></td></tr>`;
}

const grave = ['block', 'ask', 'warn', undefined];
const gravity = ({ report }: ListedFile) => grave.indexOf(report && worstAction(report.findings));

/** All of a request on one page: what is asked for and why, every file with what was found in it, and votes. */
export function overview(view: RequestView, files: readonly ListedFile[]): string {
  const facts = renderFactList([
    ['Request', toVisibleHtml(`${view.id}, round ${view.round}, of project ${view.project}`)],
    ['Asked for by', toVisibleHtml(view.requesterName)],
    ['From', toVisibleHtml(view.source)],
    ['Stands at', toVisibleHtml(view.due === undefined ? view.status : `${view.status}, until ${view.due}`)],
    ...(view.reason === undefined ? [] : ([['Because', toMultilineHtml(view.reason)]] as const)),
    ...(view.seal
      ? ([
          ['Seal', `<code>${toVisibleHtml(view.seal.sha256)}</code>`],
          [
            'Sealed',
            toVisibleHtml(
              `${view.seal.sealedAt}: ${pluralise(view.seal.files, 'file')}, ${pluralise(view.seal.bytes, 'byte')}`,
            ),
          ],
        ] as const)
      : []),
    ...(view.quorum === undefined ? [] : ([['Reviewers', `${view.quorum} must agree`]] as const)),
    ['Explanation', view.explanation ? toMultilineHtml(view.explanation) : 'None was given.'],
  ]);
  const head = ['File', 'Checks', 'Kind', 'Type', 'Bytes', 'Shown', 'SHA-256'].map(name => `<th>${name}</th>`).join('');
  const groups = view.groups.map(({ name, kind, purpose, context, controls }, index) => {
    const groupFiles = files.filter(({ group }) => group === index).sort((a, b) => gravity(a) - gravity(b));
    const description = renderFactList([
      ['Kind', toVisibleHtml(kind)],
      ['Purpose', toMultilineHtml(purpose)],
      ['Context', context ? toMultilineHtml(context) : 'None was given.'],
      ['Controls', controls ? toMultilineHtml(controls) : 'None are said to have been applied.'],
    ]);
    return `<section><h2>${toVisibleHtml(name)}: ${pluralise(groupFiles.length, 'file')}</h2>${description}<div class="scroll list"><table><thead><tr>${head}</tr></thead><tbody>${groupFiles.map(row).join('')}</tbody></table></div></section>`;
  });
  const unfetched = files.filter(({ page }) => page === undefined).length;
  return renderHtmlDocument(
    'Request',
    `<h1>${toVisibleHtml(view.title)}</h1><p>${pluralise(files.length, 'file')} in ${pluralise(view.groups.length, 'group')}${unfetched > 0 ? `, ${groupDigits(unfetched)} of them not fetched` : ''}. Those with findings come first.</p>`,
    `<section><h2>The request</h2>${facts}</section>${votes(view)}${groups.join('')}`,
  );
}
