import { formatPlace } from '../../disclosure/preview/page.ts';
import type { Action, Cell, FileReport } from '../../disclosure/report.ts';
import { hangingText, indentedTexts, narrowWidth, wrapText } from './layout.ts';
import { escapeForTerminal, formatCount, type OutputScreen } from './output.ts';

const actionLabels: Readonly<Record<Action, string>> = {
  block: 'Blocked',
  ask: 'Needs an explanation',
  warn: 'Warning',
};

interface ShownFinding {
  readonly action: Action;
  readonly rule: string;
  readonly message: string;
  readonly cells: readonly Cell[];
  readonly count?: number;
}

const MAX_PLACES = 3;

/** Where a finding is, such as `B2 = 3`, and how many further places it has. Members see places without values. */
function formatPlaces({ cells, count = cells.length }: ShownFinding, type: string): string {
  const places = cells
    .slice(0, MAX_PLACES)
    .map(cell =>
      escapeForTerminal(`${formatPlace(cell, type)}${cell.value === '' ? '' : ` = ${cell.value.slice(0, 40)}`}`),
    );
  const excess = count - places.length;
  return places.length === 0 ? '' : `at ${places.join(', ')}${excess > 0 ? ` and ${formatCount(excess)} more` : ''}`;
}

/** A finding: what it does and by which rule, the reason with the remedy, and below it the place. */
export function formatFinding(
  finding: ShownFinding,
  { width }: OutputScreen,
  { file = '', type = '' }: { file?: string; type?: string } = {},
): string {
  const { action, rule, message } = finding;
  const places = formatPlaces(finding, type);
  return [
    hangingText(
      `${actionLabels[action]} (${rule})${file && ` ${escapeForTerminal(file)}`}: ${escapeForTerminal(message)}`,
      width,
      4,
    ),
    ...(places === '' ? [] : [indentedTexts([places], width, 4)]),
  ].join('\n');
}

const indent = (text: string) => text.replace(/^(?=.)/gm, '  ');

/** What the checks found in one file. */
export function formatFileReport({ path, type, findings, ran, rows, cells }: FileReport, screen: OutputScreen): string {
  const facts = [
    ...(type === '' ? [] : [type]),
    ...(rows === undefined ? [] : [`${formatCount(rows)} rows`]),
    ...(cells === undefined ? [] : [`${formatCount(cells)} cells`]),
    `${formatCount(ran.length)} ${ran.length === 1 ? 'rule' : 'rules'} ran`,
  ];
  const heading = `${escapeForTerminal(path)} (${facts.join(', ')})${findings.length === 0 ? ': no findings' : ''}`;
  const inner = { width: narrowWidth(screen.width, 2) };
  return [
    wrapText(heading, screen.width).join('\n'),
    ...findings.map(finding => indent(formatFinding(finding, inner, { type }))),
  ].join('\n');
}
