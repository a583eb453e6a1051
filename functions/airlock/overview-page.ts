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

function votes(of: RequestView): string {
  if (of.votes === undefined) return '';
  const shown = of.votes.map(({ name, verdict, at, comment, note, files }) => {
    const said = [
      ...(comment ? [`To the requester: ${toMultilineHtml(comment)}`] : []),
      ...(note ? [`To reviewers only: ${toMultilineHtml(note)}`] : []),
      ...files.map(file => `${toVisibleHtml(file.path)}: ${toMultilineHtml(file.comment)}`),
    ];
    return `<li><b>${words[verdict]}</b>, ${toVisibleHtml(name)}, ${toVisibleHtml(at)}${said.map(line => `<br>${line}`).join('')}</li>`;
  });
  const none = 'None that you may see: each reviewer sees their own until all have voted.';
  return `<section><h2>Votes</h2>${shown.length > 0 ? `<ul class="findings">${shown.join('')}</ul>` : `<p class="note">${none}</p>`}</section>`;
}

function row({ path, kind, type, size, sha256, report, page, truncated }: ListedFile): string {
  const name =
    page === undefined ? toShortHtml(path, 200) : `<a href="${escapeHtml(page)}">${toShortHtml(path, 200)}</a>`;
  const rules = [...new Set((report?.findings ?? []).map(({ rule }) => rule))];
  const found =
    rules.length > 0
      ? `${pluralise(report?.findings.length ?? 0, 'finding')}: ${toVisibleHtml(rules.slice(0, 6).join(', '))}`
      : '';
  const seen = page === undefined ? 'not fetched' : truncated ? 'in part' : 'whole';
  return `<tr><td>${name}</td><td>${renderBadge(report)}${found}</td><td>${toVisibleHtml(kind)}</td><td>${toVisibleHtml(type)}</td><td class="n">${groupDigits(size)}</td><td>${seen}</td><td><code>${toVisibleHtml(sha256.slice(0, 16))}…</code></td></tr>`;
}

const grave = ['block', 'ask', 'warn', undefined];
const gravity = ({ report }: ListedFile) => grave.indexOf(report && worstAction(report.findings));

/** All of a request on one page: what is asked for and why, every file with what was found in it, and votes. */
export function overview(of: RequestView, files: readonly ListedFile[]): string {
  const about = renderFactList([
    ['Request', toVisibleHtml(`${of.id}, round ${of.round}, of project ${of.project}`)],
    ['Asked for by', toVisibleHtml(of.requesterName)],
    ['From', toVisibleHtml(of.source)],
    ['Stands at', toVisibleHtml(of.due === undefined ? of.status : `${of.status}, until ${of.due}`)],
    ...(of.reason === undefined ? [] : ([['Because', toMultilineHtml(of.reason)]] as const)),
    ...(of.seal
      ? ([
          ['Seal', `<code>${toVisibleHtml(of.seal.sha256)}</code>`],
          [
            'Sealed',
            toVisibleHtml(
              `${of.seal.sealedAt}: ${pluralise(of.seal.files, 'file')}, ${pluralise(of.seal.bytes, 'byte')}`,
            ),
          ],
        ] as const)
      : []),
    ...(of.quorum === undefined ? [] : ([['Reviewers', `${of.quorum} must agree`]] as const)),
    ['Explanation', of.explanation ? toMultilineHtml(of.explanation) : 'None was given.'],
  ]);
  const head = ['File', 'Checks', 'Kind', 'Type', 'Bytes', 'Shown', 'SHA-256'].map(name => `<th>${name}</th>`).join('');
  const groups = of.groups.map(({ name, kind, purpose, context, controls }, index) => {
    const own = files.filter(({ group }) => group === index).sort((a, b) => gravity(a) - gravity(b));
    const said = renderFactList([
      ['Kind', toVisibleHtml(kind)],
      ['Purpose', toMultilineHtml(purpose)],
      ['Context', context ? toMultilineHtml(context) : 'None was given.'],
      ['Controls', controls ? toMultilineHtml(controls) : 'None are said to have been applied.'],
    ]);
    return `<section><h2>${toVisibleHtml(name)}: ${pluralise(own.length, 'file')}</h2>${said}<div class="scroll list"><table><thead><tr>${head}</tr></thead><tbody>${own.map(row).join('')}</tbody></table></div></section>`;
  });
  const unfetched = files.filter(({ page }) => page === undefined).length;
  return renderHtmlDocument(
    'Request',
    `<h1>${toVisibleHtml(of.title)}</h1><p>${pluralise(files.length, 'file')} in ${pluralise(of.groups.length, 'group')}${unfetched > 0 ? `, ${groupDigits(unfetched)} of them not fetched` : ''}. Those with findings come first.</p>`,
    `<section><h2>The request</h2>${about}</section>${votes(of)}${groups.join('')}`,
  );
}
