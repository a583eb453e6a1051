import type * as z from 'zod';
import type { RequestView } from '../../functions/airlock/request/request-view.ts';
import type { RequestSummary } from '../../functions/airlock/request/summary.ts';
import type { Vote } from '../../functions/airlock/request/votes.ts';
import { formatFinding } from './finding-text.ts';
import { formatFields, hangingText, indentedTexts, narrowWidth, section, wrapText } from './layout.ts';
import {
  escapeForTerminal,
  formatBytes,
  formatCount,
  formatStatusWords,
  formatTime,
  type OutputScreen,
} from './output.ts';

type Request = z.infer<typeof RequestView>;
type Group = Request['groups'][number];
type Changes = Pick<Vote, 'comment' | 'files'>;

const indent = (text: string) => text.replace(/^(?=.)/gm, '  ');
const countFiles = (count: number) => `${formatCount(count)} ${count === 1 ? 'file' : 'files'}`;
const dueLabels: Readonly<Record<string, string>> = {
  draft: 'expires',
  inReview: 'decision due',
  approved: 'expires',
  released: 'available until',
};

/** `in review, decision due 2026-12-12 04:24:00 UTC` */
const formatStanding = ({ status, due }: Pick<Request, 'status' | 'due'>): string =>
  `${formatStatusWords(status)}${due === undefined ? '' : `, ${dueLabels[status] ?? 'due'} ${formatTime(due)}`}`;

const describe = ({ id, project, title, direction }: Pick<Request, 'id' | 'project' | 'title' | 'direction'>) =>
  `${direction === 'import' ? 'Import' : 'Request'} ${id} of ${project}: ${escapeForTerminal(title)}`;

function formatGroup({ kind, paths, purpose, context, controls }: Group, { width }: OutputScreen): string {
  const texts = [`Purpose: ${purpose}`, context && `Context: ${context}`, controls && `Controls: ${controls}`];
  return [
    hangingText(`${kind} ${paths.map(escapeForTerminal).join(', ')}`, width),
    ...texts.filter(text => text !== '').map(text => indentedTexts([escapeForTerminal(text)], width)),
  ].join('\n');
}

/** A comment of a reviewer, with the files that must change. */
const formatChanges = ({ comment, files }: Changes, { width }: OutputScreen): string =>
  [
    ...(comment === '' ? [] : [hangingText(escapeForTerminal(comment), width)]),
    ...files.map(({ path, comment }) =>
      hangingText(`${escapeForTerminal(path)}: ${escapeForTerminal(comment)}`, width),
    ),
  ].join('\n');

/** What was sealed. Files that were written again differ from those in the folder, so their number is said. */
const describeSeal = ({ files, bytes, rewritten, sealedAt }: NonNullable<Request['seal']>): string =>
  `${countFiles(files)}, ${formatBytes(bytes)}, ${formatTime(sealedAt)}${rewritten === undefined ? '' : `; ${formatCount(rewritten)} written again from what reviewers are shown, without the rest`}`;

/** A vote: what it decides, whose it is, and what it says to whom. */
export function formatVote(vote: Vote, screen: OutputScreen): string {
  const inner = { width: narrowWidth(screen.width, 2) };
  const extent = vote.extent === undefined ? '' : `, saw ${vote.extent === 'whole' ? 'all' : 'a part'} of the files`;
  const changes = formatChanges(vote, inner);
  return [
    hangingText(`${vote.verdict} by ${escapeForTerminal(vote.name)}, ${formatTime(vote.at)}${extent}`, screen.width),
    ...(changes === '' ? [] : [indent(changes)]),
    ...(vote.note === '' ? [] : [indentedTexts([`To reviewers: ${escapeForTerminal(vote.note)}`], screen.width)]),
  ].join('\n');
}

function summaryFields(request: Request): [string, string][] {
  const { recipient, reason, quorum, assignees, conflict, seal, release, retainedUntil, fullReport } = request;
  const fields: [string, string | undefined][] = [
    ['why', reason && escapeForTerminal(reason)],
    ['requester', escapeForTerminal(request.requesterName)],
    ['recipient', recipient && escapeForTerminal(recipient.name)],
    ['source', escapeForTerminal(request.source)],
    ['round', request.round === 0 ? undefined : String(request.round)],
    ['opened', formatTime(request.openedAt)],
    ['votes needed', quorum === undefined ? undefined : String(quorum)],
    [
      'assigned',
      assignees && (assignees.map(({ name }) => escapeForTerminal(name)).join(', ') || 'nobody you may see'),
    ],
    ['disagreement', conflict ? 'yes: one more reviewer must decide' : undefined],
    ['sealed', seal && describeSeal(seal)],
    ['seal', seal?.sha256],
    ['released', release && `${countFiles(release.files)}, ${formatBytes(release.bytes)}`],
    ['record', release?.sha256],
    ['full report', fullReport && `${fullReport} in the project`],
    ['retained until', retainedUntil && formatTime(retainedUntil)],
    ...deletionFields('deleted', request.deleted),
    ...deletionFields('removed from project', request.retracted),
  ];
  return fields.filter((field): field is [string, string] => field[1] !== undefined);
}

const deletionFields = (label: string, deletion: Request['deleted']): [string, string | undefined][] => [
  [
    label,
    deletion && `${formatCount(deletion.objects)} objects, ${formatBytes(deletion.bytes)}, ${formatTime(deletion.at)}`,
  ],
];

/** A request as a person reads it: where it stands and why, then its files, findings, comments and votes. */
export function formatRequest(request: Request, screen: OutputScreen): string {
  const {
    groups,
    explanation,
    report,
    findings = [],
    comments = [],
    withheld: withheldPaths = [],
    votes = [],
  } = request;
  const inner = { width: narrowWidth(screen.width, 2) };
  const first = report?.first ?? [];
  const excess = (report?.findings ?? 0) - first.length;
  const sections: [heading: string, blocks: string[]][] = [
    ['files', groups.map(group => formatGroup(group, inner))],
    ['explanation', explanation === '' ? [] : [wrapText(escapeForTerminal(explanation), inner.width).join('\n')]],
    [
      `findings (${formatCount(report?.findings ?? 0)})`,
      [
        ...first.map(finding => formatFinding(finding, inner, { file: finding.path })),
        ...(excess > 0
          ? [
              hangingText(
                `and ${formatCount(excess)} more: broch airlock report ${request.project} ${request.id}`,
                inner.width,
              ),
            ]
          : []),
      ],
    ],
    [
      'not sealed because',
      findings.map(({ path, reason }) =>
        hangingText(`${path === '' ? '' : `${escapeForTerminal(path)}: `}${escapeForTerminal(reason)}`, inner.width),
      ),
    ],
    ['comments of reviewers', comments.map(comment => formatChanges(comment, inner))],
    ['withheld', withheldPaths.map(path => hangingText(escapeForTerminal(path), inner.width))],
    ['votes', votes.map(vote => formatVote(vote, inner))],
  ];
  return [
    [hangingText(describe(request), screen.width), hangingText(formatStanding(request), screen.width)].join('\n'),
    formatFields(summaryFields(request), screen.width),
    ...sections
      .filter(([, blocks]) => blocks.length > 0)
      .map(([heading, blocks]) => section(heading, blocks.join('\n'))),
  ].join('\n\n');
}

/** Requests of a list, two lines each. */
export const formatRequestList = (requests: readonly RequestSummary[], { width }: OutputScreen): string =>
  requests.length === 0
    ? 'There are no requests here.'
    : requests
        .map(request =>
          [
            hangingText(`${describe(request)} (${formatStanding(request)})`, width),
            indentedTexts(
              [
                `by ${escapeForTerminal(request.requesterName)}, opened ${formatTime(request.openedAt)}${request.round > 1 ? `, round ${request.round}` : ''}`,
              ],
              width,
            ),
            ...(request.unreachable ? [indentedTexts(['Too few reviewers may vote.'], width)] : []),
          ].join('\n'),
        )
        .join('\n');

/** What a reviewer reads after a vote. */
export function formatVoteReceipt(request: Request, verdict: string, screen: OutputScreen): string {
  const { id, status, seal } = request;
  const receipt = `Your vote on ${id} is recorded: ${verdict}${seal ? `, for the seal ${seal.sha256.slice(0, 12)}` : ''}.`;
  const outcome =
    status === 'inReview'
      ? 'Votes stay hidden until the decision. You may vote again until then; your last vote counts.'
      : `The decision is made: ${formatStatusWords(status)}.`;
  return [receipt, outcome].flatMap(text => wrapText(text, screen.width)).join('\n');
}
