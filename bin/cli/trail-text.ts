import type { Round } from '../../functions/airlock/request/decision.ts';
import type { VisibleEvent } from '../../functions/airlock/request/trail-visibility.ts';
import { hangingText, indentedTexts, narrowWidth, section } from './layout.ts';
import { escapeForTerminal, formatCount, formatStatusWords, formatTime, type OutputScreen } from './output.ts';
import { formatVote } from './request-text.ts';

/** RequestTimedOut → Request timed out. */
const formatEventName = (name: string): string => name.replace(/(?<!^)[A-Z]/g, letter => ` ${letter.toLowerCase()}`);

function formatEvent(
  { at: time, name, byName, message, path, to: addressees = [], details }: VisibleEvent,
  width: number | undefined,
): string {
  const author = byName === '' ? '' : ` by ${escapeForTerminal(byName)}`;
  const subject = path === undefined ? '' : ` ${escapeForTerminal(path)}`;
  const texts = [
    ...(message === '' ? [] : [escapeForTerminal(message)]),
    ...(addressees.length > 0 ? [`To ${addressees.map(person => escapeForTerminal(person.name)).join(', ')}`] : []),
    ...Object.entries(details ?? {}).map(([part, value]) => `${part}: ${escapeForTerminal(String(value))}`),
  ];
  return [
    hangingText(`${formatTime(time)} ${formatEventName(name)}${subject}${author}`, width),
    ...(texts.length > 0 ? [indentedTexts(texts, width)] : []),
  ].join('\n');
}

/** The trail of a request, newest first. */
export const formatTrail = (events: readonly VisibleEvent[], { width }: OutputScreen): string =>
  events.length === 0 ? 'Nothing to show.' : events.map(event => formatEvent(event, width)).join('\n');

/** The completed rounds of a request, each with its votes. */
export const formatRounds = (rounds: readonly Round[], screen: OutputScreen): string =>
  rounds.length === 0
    ? 'No round is complete yet.'
    : rounds
        .map(({ round, outcome, at: time, seal, votes }) =>
          [
            hangingText(`Round ${round}: ${formatStatusWords(outcome)}, ${formatTime(time)}`, screen.width),
            indentedTexts(
              [`seal ${seal.sha256}`, `${formatCount(seal.files)} files, sealed ${formatTime(seal.sealedAt)}`],
              screen.width,
            ),
            ...(votes.length > 0
              ? [
                  section(
                    'votes',
                    votes.map(vote => formatVote(vote, { width: narrowWidth(screen.width, 4) })).join('\n'),
                  ).replace(/^(?=.)/gm, '  '),
                ]
              : []),
          ].join('\n'),
        )
        .join('\n\n');
