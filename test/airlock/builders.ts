import type { Direction } from '../../disclosure/policy.ts';
import { type Command, decideRequest } from '../../functions/airlock/airlock.ts';
import { AirlockConfig } from '../../functions/airlock/request/airlock-config.ts';
import type { ActingPerson, Context } from '../../functions/airlock/request/decision.ts';
import { addSeconds, hour, type Request } from '../../functions/airlock/request/request.ts';
import { draftRequest } from '../../functions/airlock/request/requester-commands.ts';
import { Refused } from '../../functions/refused.ts';

export const exampleStartTime = '2026-11-01T00:00:00.000Z';
const buildHash = (digit: string) => digit.repeat(64);

export const buildPerson = (id: string, ...groups: string[]): ActingPerson => ({ id, name: id, groups });
export const rana = buildPerson('rana', 'researcher');
export const olga = buildPerson('olga', 'operator');

export const buildAirlockConfig = (change: Partial<AirlockConfig> = {}): AirlockConfig =>
  AirlockConfig.parse({ ...change });

/** A seal that only its round tells apart. */
export const buildSeal = (round: number, files = 2) => ({
  sha256: buildHash(String(round % 10)),
  key: `requests/r/${round}/manifest.json`,
  versionId: `v${round}`,
  files,
  bytes: 10,
  sealedAt: exampleStartTime,
});
export const buildReport = (worst?: 'block' | 'ask' | 'warn', partialFiles?: number) => ({
  key: 'report.json',
  versionId: 'v',
  sha256: buildHash('e'),
  findings: worst ? 1 : 0,
  ...(worst && { worst }),
  ...(partialFiles !== undefined && { partialFiles }),
  first: [],
});
export const buildRelease = () => ({
  key: 'release.json',
  versionId: 'v',
  sha256: buildHash('d'),
  files: 2,
  bytes: 10,
  fileList: { key: 'files.json', versionId: 'v', sha256: buildHash('c') },
});
export const buildBallot = (
  round: number,
  verdict: 'approve' | 'return' | 'reject',
  paths: readonly string[] = [],
) => ({
  verdict,
  seal: buildHash(String(round % 10)),
  comment: verdict === 'approve' ? '' : 'correct it',
  note: '',
  files: paths.map((path, index) => ({ path, file: index + 1, comment: 'correct this' })),
});

export const buildDraft = (facts: Context, direction: Direction = 'export'): Request =>
  draftRequest(
    {
      id: 'al-0011223344556677',
      project: 'asthma',
      title: 'Table 1',
      direction,
      ...(direction === 'export' && { source: 'data/outbox/t/' }),
      groups: [{ name: 'all', kind: 'table', purpose: 'paper', context: '', controls: '', paths: ['**'] }],
    },
    rana,
    exampleStartTime,
    facts,
  ).state;

/** The request after the command, or undefined where it was refused. */
export function tryCommand(request: Request, command: Command, now: string, facts: Context) {
  try {
    return decideRequest(request, command, now, facts);
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

/** A request of these reviewers' approval, `hours` after the start. */
export function buildRequestInReview(facts: Context, hours = 0, report = buildReport()): Request {
  const now = addSeconds(exampleStartTime, hours * hour);
  let request = buildDraft(facts);
  const run = (command: Command) => {
    request = decideRequest(request, command, now, facts).state;
  };
  run({ do: 'submit', by: rana });
  run({ do: 'recordSeal', attempt: request.attempt, seal: buildSeal(request.round) });
  run({ do: 'recordReport', attempt: request.attempt, report });
  return request;
}
