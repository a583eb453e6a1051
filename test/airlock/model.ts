import type { Direction } from '../../disclosure/policy.ts';
import { type Command, decideRequest } from '../../functions/airlock/airlock.ts';
import type { AirlockConfig } from '../../functions/airlock/request/airlock-config.ts';
import { applyDeadlines, nextDeadline, sweepAt } from '../../functions/airlock/request/deadlines.ts';
import type { ActingPerson, Context } from '../../functions/airlock/request/decision.ts';
import { addSeconds, day, isFinal, Request, type Status } from '../../functions/airlock/request/request.ts';
import { requestView } from '../../functions/airlock/request/request-view.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildDraft,
  buildPerson,
  buildRelease,
  buildReport,
  buildSeal,
  exampleStartTime,
  olga,
  rana,
  tryCommand,
} from './builders.ts';

const text = { key: 'receipt.json', versionId: 'v', sha256: 'b'.repeat(64) };

/** Changes from outside a request: a person joins or leaves the project or the reviewers, or settings change. */
const toggle = (list: readonly string[], id: string) =>
  list.includes(id) ? list.filter(member => member !== id) : [...list, id].sort();
const settle = (world: AirlockModel, author: string, change: Partial<AirlockModel['settings']>): AirlockModel => ({
  ...world,
  settings: { ...world.settings, ...change, by: author },
});
export const environmentChanges = {
  'ada joins or leaves': (world: AirlockModel) => ({ ...world, members: toggle(world.members, 'ada') }),
  'bob reviews or not': (world: AirlockModel) => ({ ...world, reviewers: toggle(world.reviewers, 'bob') }),
  'rana reviews or not': (world: AirlockModel) => ({ ...world, reviewers: toggle(world.reviewers, rana.id) }),
  'olga allows parts or not': (world: AirlockModel) => settle(world, olga.id, { partial: !world.settings.partial }),
  'bob changes the quorum': (world: AirlockModel) => settle(world, 'bob', { quorum: (world.settings.quorum % 3) + 1 }),
} as const satisfies Record<string, (world: AirlockModel) => AirlockModel>;
export type EnvironmentChange = keyof typeof environmentChanges;
export const membershipChanges: readonly EnvironmentChange[] = [
  'ada joins or leaves',
  'bob reviews or not',
  'rana reviews or not',
];

/** How far a world is explored. */
export interface ModelBounds {
  readonly direction: Direction;
  readonly quorum: number;
  readonly partial: boolean;
  readonly rounds: number;
  readonly days: number;
  /** Everybody but the requester; any may be a reviewer, and a member, at one time and not at another. */
  readonly others: readonly string[];
  /** Of these nothing ever differs but their votes: which of them cast which is all the same. */
  readonly alike?: readonly string[];
  readonly turns: readonly EnvironmentChange[];
}

export interface AirlockModel {
  readonly bounds: ModelBounds;
  readonly request: Request;
  readonly day: number;
  readonly members: readonly string[];
  readonly reviewers: readonly string[];
  /** The project's settings, and who made them. */
  readonly settings: { readonly quorum: number; readonly partial: boolean; readonly by?: string };
  /** How many had to agree when the review began. Kept beside the request. */
  readonly openQuorum?: number;
  /** Who approved what is approved now, and whether each was fit when it was decided. Kept beside the request. */
  readonly approval?: {
    readonly seal: string;
    readonly fit: number;
    readonly quorum: number;
    readonly withheld: string;
  };
}

const rulesById = new Map<string, AirlockConfig>();
function rulesOf(quorum: number, partial: boolean): AirlockConfig {
  const id = `${quorum} ${partial}`;
  const knownRules = rulesById.get(id);
  if (knownRules) return knownRules;
  const rules = buildAirlockConfig({
    quorum,
    imports: { quorum, keepDays: 1 },
    partial,
    draftDays: 2,
    reviewDays: 2,
    checkHours: 24,
    remindHours: 24,
    approvedDays: 1,
    releasedDays: 1,
  });
  rulesById.set(id, rules);
  return rules;
}

export const computeModelContext = ({
  members,
  reviewers,
  settings,
}: Pick<AirlockModel, 'members' | 'reviewers' | 'settings'>): Context => ({
  rules: rulesOf(settings.quorum, settings.partial),
  members,
  reviewers,
  candidates: reviewers.filter(id => !members.includes(id) && id !== settings.by).map(id => ({ id, name: id })),
  ruledBy: settings.by,
});
const timestamps = Array.from({ length: 100 }, (_, days) => addSeconds(exampleStartTime, days * day));
const timestamp = ({ day: days }: AirlockModel) => timestamps[days] ?? addSeconds(exampleStartTime, days * day);

export function createInitialModel(bounds: ModelBounds): AirlockModel {
  const settings = { quorum: bounds.quorum, partial: bounds.partial };
  const bare = { bounds, day: 0, members: [rana.id], reviewers: [...bounds.others], settings };
  return { ...bare, request: buildDraft(computeModelContext(bare), bounds.direction) };
}

/** What the world does by itself: a day passes, or something turns. */
export function* listEnvironmentMoves(world: AirlockModel): Generator<AirlockModel> {
  if (world.day < world.bounds.days) yield { ...world, day: world.day + 1 };
  for (const turn of world.bounds.turns) yield environmentChanges[turn](world);
}

const peopleOf = ({ others: otherIds }: ModelBounds): ActingPerson[] => [
  rana,
  ...otherIds.map(id => buildPerson(id, 'reviewer')),
];

/** All that anybody can try: also what they may not. Old seals, old attempts, other people, several times. */
export function listModelCommands({ request, ...world }: AirlockModel): Command[] {
  const { round, attempt } = request;
  const rounds = [round, round - 1].filter(value => value > 0);
  return [
    ...peopleOf(world.bounds).flatMap(actor => [
      ...rounds.flatMap(candidate =>
        (['approve', 'return', 'reject'] as const).map(verdict => ({
          do: 'vote' as const,
          by: actor,
          ballot: buildBallot(candidate, verdict),
        })),
      ),
      ...(round > 0 ? [{ do: 'vote' as const, by: actor, ballot: buildBallot(round, 'approve', ['a']) }] : []),
      { do: 'submit' as const, by: actor },
      { do: 'release' as const, by: actor },
      { do: 'revoke' as const, by: actor, reason: 'no' },
      { do: 'withdraw' as const, by: actor, reason: 'no' },
    ]),
    { do: 'release', by: olga },
    { do: 'applyDeadlines' },
    { do: 'recordDeletion', receipt: text, inventory: undefined, objects: 1, bytes: 1 },
    { do: 'resume', by: olga },
    { do: 'reissue', by: olga },
    ...[attempt, attempt - 1].flatMap((number): Command[] => [
      { do: 'rejectSubmission', attempt: number, findings: [{ path: 'x', reason: 'y' }] },
      { do: 'recordSeal', attempt: number, seal: buildSeal(round) },
      { do: 'remindReviewers', attempt: number },
      { do: 'recordFault', attempt: number, reason: 'z' },
      { do: 'recordRelease', attempt: number, release: buildRelease() },
      { do: 'abortRelease', attempt: number, reason: 'z' },
    ]),
    ...(request.status === 'checking'
      ? (['block', undefined] as const).map(worst => ({
          do: 'recordReport' as const,
          attempt,
          report: buildReport(worst),
        }))
      : []),
  ];
}

const open: readonly Status[] = ['approved', 'releasing', 'released'];
const isSame = <T>(actual: T, expected: T, message: string) => {
  if (actual !== expected) throw new Error(`${message}: ${actual} and ${expected}`);
};

/** One command in a world: the world after it, or undefined where nothing changes. Throws where an invariant breaks. */
export function applyModelCommand(
  world: AirlockModel,
  command: Command,
  facts = computeModelContext(world),
): AirlockModel | undefined {
  const now = timestamp(world);
  const decision = tryCommand(world.request, command, now, facts);
  if (!decision || decision.state === world.request) return undefined;
  const { state } = decision;
  const previous = applyDeadlines(world.request, now, facts.rules).request;
  const { partial, by: ruledBy } = world.settings;

  // What lies with us is said to be kept until a time, and is deleted then and not before.
  if (isFinal(state)) {
    const { retainedUntil = '9', deleted: deletion = undefined } = 'retainedUntil' in state ? state : {};
    if (state.round > 0 && retainedUntil === '9') throw new Error(`${state.status} is kept for ever`);
    if (deletion && (!isFinal(previous) || retainedUntil > now)) throw new Error('deleted before its time');
  }
  if (isFinal(previous)) isSame(state.status, previous.status, 'an end became another');
  let { approval, openQuorum } = world;
  if (state.status === 'inReview') {
    if (previous.status === 'checking') openQuorum = facts.rules.quorum;
    isSame(state.quorum, openQuorum, 'the quorum of a review changed');
    // That there are too few who could agree is said, once.
    const isShort = facts.candidates.length < state.quorum + (state.conflict ? 1 : 0);
    const isCheck = previous.status === 'checking' || command.do === 'remindReviewers';
    if (isCheck && isShort && state.shortage !== 'needed') throw new Error('too few can agree, and nobody says so');
    const notices = decision.events.filter(
      ({ name, to: recipients }) =>
        name === 'QuorumUnreachable' || (name === 'ReviewEscalated' && recipients?.length === 0),
    ).length;
    const previousShortage = previous.status === 'inReview' ? previous.shortage : undefined;
    // That a shortage eases or ends is no news.
    const severities = [undefined, 'more', 'needed'];
    const isWorse = severities.indexOf(state.shortage) > severities.indexOf(previousShortage);
    if (command.do !== 'resume') isSame(notices, isWorse ? 1 : 0, 'said more or less than once');
  }
  if (state.status === 'approved' && previous.status !== 'approved' && previous.status !== 'releasing') {
    const fit = new Set(state.votes.filter(({ verdict }) => verdict === 'approve').map(({ by: voterId }) => voterId));
    const unfit = state.votes.filter(
      ({ by: voterId }) =>
        voterId === rana.id ||
        voterId === ruledBy ||
        facts.members.includes(voterId) ||
        !facts.reviewers.includes(voterId),
    );
    if (unfit.length > 0) throw new Error(`an unfit vote counted: ${unfit.map(({ by: voterId }) => voterId)}`);
    if (state.votes.some(({ seal, round }) => seal !== state.seal.sha256 || round !== state.round))
      throw new Error('a vote on another seal counted');
    if (state.withheld.length > 0 && !partial) throw new Error('approved in part, which the settings forbid');
    approval = { seal: state.seal.sha256, fit: fit.size, quorum: openQuorum ?? 9, withheld: `${state.withheld}` };
  }
  if (open.includes(state.status)) {
    isSame('seal' in state ? state.seal?.sha256 : '', approval?.seal, 'another seal than was voted on');
    isSame('withheld' in state ? `${state.withheld}` : '', approval?.withheld, 'other files than were approved');
    if (!approval || approval.fit < approval.quorum) throw new Error(`${state.status} by ${approval?.fit}`);
  }
  if (state.status === 'releasing' && previous.status !== 'releasing') {
    if (state.withheld.length > 0 && !partial) throw new Error('released in part, which the settings forbid');
  }
  if (state.status === 'released' && previous.status !== 'released') {
    if (previous.status !== 'releasing') throw new Error(`released from ${previous.status}`);
    if (previous.releasedBy.id === rana.id) throw new Error('released by its own requester');
    if (now >= previous.expiresAt) throw new Error('released after the approval expired');
    if (previous.withheld.length >= previous.seal.files) throw new Error('released with nothing approved');
  }
  const { approval: _, openQuorum: __, ...rest } = world;
  const inReview = state.status === 'inReview' || state.status === 'timedOut';
  return {
    ...rest,
    request: state,
    ...(approval && open.includes(state.status) && { approval }),
    ...(openQuorum !== undefined && inReview && { openQuorum }),
  };
}

/** Of each state once: it is one that can be written, ends, and shows nobody what they must not see. */
export function assertInvariants(world: AirlockModel) {
  Request.parse(world.request);
  hasWayOut(world);
  const { request } = world;
  if (request.status !== 'inReview') return;
  for (const reviewer of peopleOf(world.bounds).slice(1)) {
    if (request.votes.some(vote => vote.by === reviewer.id)) continue;
    const { conflict, assignees: invitees = [], votes } = requestView(request, reviewer, 'reviewer');
    if (conflict !== undefined || votes?.length !== 0 || invitees.some(({ id }) => id !== reviewer.id))
      throw new Error(`${reviewer.id} sees what others think`);
  }
}

/** Whatever is not final has a deadline, and time alone brings it to its end. */
function hasWayOut({ request, settings }: AirlockModel) {
  if (isFinal(request)) return;
  const due = nextDeadline(request);
  if (!due) throw new Error(`${request.status} has no deadline`);
  const facts = computeModelContext({ members: [], reviewers: [], settings });
  const next = applyDeadlines(request, due, facts.rules).request;
  const lapse = decideRequest(request, { do: 'applyDeadlines' }, due, facts).state;
  // What has ended may be due for deletion at once; what has not must not be due for the same again.
  const isDueAgain = !isFinal(lapse) && (sweepAt(lapse) ?? '9') <= due;
  if (lapse.status !== next.status || isDueAgain) throw new Error(`${request.status} is not swept`);
  if (next.status === request.status) throw new Error(`${request.status} stays past its deadline`);
  const end = applyDeadlines(request, addSeconds(due, 1000 * day), facts.rules).request;
  if (!isFinal(end)) throw new Error(`${request.status} never ends`);
}
