import { escapeHtml, groupDigits, pluralise, toShortHtml, toVisibleHtml } from '../../disclosure/preview/escape.ts';
import { renderBadge, renderFactList, renderHtmlDocument, toMultilineHtml } from '../../disclosure/preview/page.ts';
import { type FileReport, worstAction } from '../../disclosure/report.ts';
import type { Round } from './request/decision.ts';
import type { SealedFile } from './request/manifest.ts';
import type { RequestView } from './request/request-view.ts';

/** A sealed file of an overview; `page` is the page that shows it, as a relative address, where there is one. */
export interface ListedFile extends Pick<SealedFile, 'path' | 'size' | 'sha256' | 'kind' | 'type' | 'group'> {
  readonly report?: FileReport | undefined;
  readonly page?: string | undefined;
  readonly truncated?: boolean;
}

const words = { approve: 'Approve', return: 'Return', reject: 'Reject' } as const;

/** 2026-11-08T09:00:00.000Z → 2026-11-08 09:00 UTC. */
const formatUtc = (time: string): string => `${time.slice(0, 16).replace('T', ' ')} UTC`;

function votes(view: RequestView): string {
  if (view.votes === undefined) return '';
  const items = view.votes.map(({ name, verdict, at: time, comment, note, files }) => {
    const lines = [
      ...(comment ? [`To the requester: ${toMultilineHtml(comment)}`] : []),
      ...(note ? [`To reviewers only: ${toMultilineHtml(note)}`] : []),
      ...files.map(file => `${toVisibleHtml(file.path)}: ${toMultilineHtml(file.comment)}`),
    ];
    return `<li><b>${words[verdict]}</b>, ${toVisibleHtml(name)}, ${toVisibleHtml(formatUtc(time))}${lines.map(line => `<br>${line}`).join('')}</li>`;
  });
  const placeholder = 'None that you may see: each reviewer sees their own until all have voted.';
  return `<section><h2>Votes</h2>${items.length > 0 ? `<ul class="findings">${items.join('')}</ul>` : `<p class="note">${placeholder}</p>`}</section>`;
}

/** A cell with its label, which a narrow screen shows instead of the head of the table. */
const labelled = (label: string, html: string, attributes = '') =>
  `<td data-label="${label}"${attributes}>${html}</td>`;

function row({ path, kind, type, size, sha256, report, page, truncated }: ListedFile, group: string): string {
  const name =
    page === undefined ? toShortHtml(path, 200) : `<a href="${escapeHtml(page)}">${toShortHtml(path, 200)}</a>`;
  const rules = [...new Set((report?.findings ?? []).map(({ rule }) => rule))];
  const summary =
    rules.length > 0
      ? `${pluralise(report?.findings.length ?? 0, 'finding')}: ${toVisibleHtml(rules.slice(0, 6).join(', '))}`
      : '';
  const extent = page === undefined ? 'not fetched' : truncated ? 'in part' : 'whole';
  return `<tr><td>${name}</td>${[
    labelled('Checks', `${renderBadge(report)}${summary}`),
    labelled('Group', toVisibleHtml(group)),
    labelled('Kind', toVisibleHtml(kind)),
    labelled('Type', toVisibleHtml(type)),
    labelled('Bytes', groupDigits(size), ' class="n"'),
    labelled('Shown', extent),
    labelled('SHA-256', `<code>${toVisibleHtml(sha256.slice(0, 16))}…</code>`),
  ].join('')}</tr>`;
}

const grave = ['block', 'ask', 'warn', undefined];
const gravity = ({ report }: Pick<ListedFile, 'report'>) => grave.indexOf(report && worstAction(report.findings));

/** The files of a request in the order that they are looked at: those with the gravest findings first, of all groups. */
export const sortByGravity = <F extends Pick<ListedFile, 'report'>>(files: readonly F[]): F[] =>
  [...files].sort((a, b) => gravity(a) - gravity(b));

/** What an earlier round of the request decided, and how its files differ from those of now. */
export interface EarlierRound extends Pick<Round, 'round' | 'outcome' | 'at' | 'votes'> {
  /** Undefined if the files of that round cannot be read any more. */
  readonly changes?: readonly { readonly path: string; readonly change: 'added' | 'changed' | 'removed' }[] | undefined;
}

const MAX_CHANGES = 200;

function earlierRound({ round, outcome, at: time, votes, changes }: EarlierRound): string {
  const comments = votes.map(({ name, verdict, comment, files }) => {
    const lines = [
      ...(comment ? [toMultilineHtml(comment)] : []),
      ...files.map(file => `${toVisibleHtml(file.path)}: ${toMultilineHtml(file.comment)}`),
    ];
    return `<li><b>${words[verdict]}</b>, ${toVisibleHtml(name)}${lines.map(line => `<br>${line}`).join('')}</li>`;
  });
  const firstChanges = (changes ?? []).slice(0, MAX_CHANGES);
  const rest = (changes?.length ?? 0) - firstChanges.length;
  const differences =
    changes === undefined
      ? '<p class="note">Its files cannot be compared any more.</p>'
      : changes.length === 0
        ? '<p class="note">The files are the same as now.</p>'
        : `<p class="note">Since then:</p><ul class="findings">${firstChanges.map(({ path, change }) => `<li>${change} ${toShortHtml(path, 200)}</li>`).join('')}</ul>${rest > 0 ? `<p class="note">${groupDigits(rest)} more.</p>` : ''}`;
  return `<section><h2>Round ${round}: ${outcome}, ${toVisibleHtml(formatUtc(time))}</h2><ul class="findings">${comments.join('')}</ul>${differences}</section>`;
}

/** inReview → in review. */
const statusWords = (status: string): string => status.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`);

function requestFacts(view: RequestView): string {
  return renderFactList([
    ['Request', toVisibleHtml(`${view.id}, round ${view.round}, of project ${view.project}`)],
    ['Asked for by', toVisibleHtml(view.requesterName)],
    ['From', toVisibleHtml(view.source)],
    [
      'Status',
      toVisibleHtml(`${statusWords(view.status)}${view.due === undefined ? '' : `, until ${formatUtc(view.due)}`}`),
    ],
    ...(view.reason === undefined ? [] : ([['Because', toMultilineHtml(view.reason)]] as const)),
    ...(view.seal
      ? ([
          ['Seal', `<code>${toVisibleHtml(view.seal.sha256)}</code>`],
          [
            'Sealed',
            toVisibleHtml(
              `${formatUtc(view.seal.sealedAt)}: ${pluralise(view.seal.files, 'file')}, ${pluralise(view.seal.bytes, 'byte')}`,
            ),
          ],
        ] as const)
      : []),
    ...(view.quorum === undefined ? [] : ([['Reviewers', `${view.quorum} must agree`]] as const)),
    ['Explanation', view.explanation ? toMultilineHtml(view.explanation) : 'None was given.'],
  ]);
}

function fileList(view: RequestView, files: readonly ListedFile[]): string {
  const head = ['File', 'Checks', 'Group', 'Kind', 'Type', 'Bytes', 'Shown', 'SHA-256']
    .map(name => `<th>${name}</th>`)
    .join('');
  const rows = sortByGravity(files).map(file => row(file, view.groups[file.group]?.name ?? ''));
  return `<section><h2>Files</h2><div class="scroll list"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div></section>`;
}

/** All of a request on one page: what is asked for and why, every file with what was found in it, and votes. */
export function overview(
  view: RequestView,
  files: readonly ListedFile[],
  earlierRounds: readonly EarlierRound[] = [],
): string {
  const groups = view.groups.map(({ name, kind, purpose, context, controls }, index) => {
    const count = files.filter(({ group }) => group === index).length;
    const description = renderFactList([
      ['Kind', toVisibleHtml(kind)],
      ['Purpose', toMultilineHtml(purpose)],
      ['Context', context ? toMultilineHtml(context) : 'None was given.'],
      ['Controls', controls ? toMultilineHtml(controls) : 'None are said to have been applied.'],
    ]);
    return `<section><h2>${toVisibleHtml(name)}: ${pluralise(count, 'file')}</h2>${description}</section>`;
  });
  const unfetched = files.filter(({ page }) => page === undefined).length;
  return renderHtmlDocument(
    `${view.title}, ${view.id}`,
    `<h1>${toVisibleHtml(view.title)}</h1><p>${pluralise(files.length, 'file')} in ${pluralise(view.groups.length, 'group')}${unfetched > 0 ? `, ${groupDigits(unfetched)} of them not fetched` : ''}. Those with findings come first.</p>`,
    `<section><h2>The request</h2>${requestFacts(view)}</section>${groups.join('')}${fileList(view, files)}${earlierRounds.map(earlierRound).join('')}${votes(view)}`,
  );
}

/** Addresses of the pages around one, relative to it. */
export interface PageNeighbours {
  readonly index: string;
  readonly previous?: string | undefined;
  readonly next?: string | undefined;
}

/** Puts links to the pages around it on top of a page of our own making. */
export function addNavigation(html: string, { index, previous, next }: PageNeighbours): string {
  const link = (address: string | undefined, text: string) =>
    address === undefined ? '' : `<a href="${escapeHtml(address)}">${text}</a>`;
  const links = [link(index, 'All files'), link(previous, '← Previous file'), link(next, 'Next file →')].join('');
  return html.replace('<body>', `<body><nav>${links}</nav>`);
}
