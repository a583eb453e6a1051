import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { airlockEvents } from '../../functions/airlock/events.ts';
import {
  type ActingPerson,
  type RequestEventName,
  requestEvent,
  requestEventNames,
} from '../../functions/airlock/request/decision.ts';
import type { Request } from '../../functions/airlock/request/request.ts';
import { trailEntry, trailEvents, trailKey } from '../../functions/airlock/request/trail.ts';
import { visibleEvents } from '../../functions/airlock/request/trail-visibility.ts';
import type { Viewer } from '../../functions/airlock/request/viewer.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildDraft,
  buildPerson,
  buildRequestInReview,
  exampleStartTime,
  olga,
  rana,
  tryCommand,
} from './builders.ts';

const [vera, viktor, walt] = ['vera', 'viktor', 'walt'].map(id => buildPerson(id, 'reviewer')) as [
  ActingPerson,
  ActingPerson,
  ActingPerson,
];
const nina = buildPerson('nina', 'researcher');
const facts = {
  rules: buildAirlockConfig(),
  members: [rana.id],
  reviewers: [vera.id, viktor.id, walt.id],
  candidates: [],
};
const eyes: [Viewer, ActingPerson][] = [
  ['project', rana],
  ['project', nina],
  ['reviewer', walt],
  ['operator', olga],
];

const castVote = (voter: ActingPerson, request: Request, verdict: 'approve' | 'reject' = 'approve') => {
  const decision = tryCommand(
    request,
    { do: 'vote', by: voter, ballot: buildBallot(request.round, verdict) },
    exampleStartTime,
    facts,
  );
  if (!decision) throw new Error('the vote was refused');
  return decision.state;
};
const open = buildRequestInReview(facts);
const firstVote = castVote(viktor, open);
const dispute = castVote(viktor, castVote(vera, open, 'reject'));
const conclusion = castVote(vera, firstVote);
const states: Record<string, Request> = {
  draft: buildDraft(facts),
  'in review': firstVote,
  disputed: dispute,
  decided: conclusion,
};

/** Viktor did it all, in the round of `of`. */
const visibleNames = (request: Request, eye: Viewer, viewer: ActingPerson, actor = viktor, round = request.round) =>
  requestEventNames.filter(
    name =>
      visibleEvents(
        { ...trailEntry(request, [requestEvent(name, 'x', actor)], exampleStartTime), round },
        request,
        viewer,
        eye,
      ).length > 0,
  );

describe('visibility of trail entries', () => {
  const votes: RequestEventName[] = ['VoteCast', 'VoteDropped'];
  const invitations: RequestEventName[] = [
    'ReviewConflicted',
    'ReviewReminded',
    'ReviewEscalated',
    'QuorumUnreachable',
  ];
  const hiddenNames: RequestEventName[] = [...votes, 'FileViewed', ...invitations, 'ReviewReissued'];
  const namesExcept = (hidden: RequestEventName[]) => requestEventNames.filter(name => !hidden.includes(name));
  const rows: [string, Viewer, RequestEventName[]][] = [
    ['draft', 'project', hiddenNames],
    ['in review', 'project', hiddenNames],
    ['disputed', 'project', hiddenNames],
    ['decided', 'project', hiddenNames],
    ['in review', 'reviewer', [...votes, 'FileViewed', ...invitations]],
    ['in review', 'operator', votes],
    // Whoever decides between those who disagree is as blind as they were.
    ['disputed', 'reviewer', [...votes, 'FileViewed', ...invitations]],
    ['disputed', 'operator', votes],
    ['decided', 'reviewer', []],
    ['decided', 'operator', []],
  ];
  it.each(rows)('in the state %s, the viewer %s sees all events but %j', (state, eye, hidden) => {
    for (const [viewpoint, viewer] of eyes.filter(([candidate]) => candidate === eye))
      expect(visibleNames(states[state] as Request, viewpoint, viewer)).toEqual(namesExcept(hidden));
  });

  it('a reviewer who has voted sees that others disagree, but not on what', () => {
    const otherNames = requestEventNames.filter(name => !votes.includes(name) && name !== 'FileViewed');
    expect(visibleNames(dispute, 'reviewer', vera)).toEqual(otherNames);
  });

  it('reviewers always see their own votes and views, and everything about ended rounds', () => {
    expect(visibleNames(firstVote, 'reviewer', viktor)).toEqual(requestEventNames);
    expect(visibleNames({ ...firstVote, round: 2 }, 'reviewer', vera, viktor, 1)).toEqual(requestEventNames);
  });

  it('a review that timed out stays blind, as it can be resumed', () => {
    const late = tryCommand(
      firstVote,
      { do: 'remindReviewers', attempt: firstVote.attempt },
      '2027-06-01T00:00:00.000Z',
      facts,
    )?.state;
    if (late?.status !== 'expired') throw new Error('it is not over');
    expect(visibleNames(late, 'reviewer', vera)).toEqual(requestEventNames);
    const timedOut = tryCommand(
      firstVote,
      { do: 'remindReviewers', attempt: 0 },
      '2026-11-20T00:00:00.000Z',
      facts,
    )?.state;
    if (timedOut?.status !== 'timedOut') throw new Error('it has not timed out');
    expect(visibleNames(timedOut, 'reviewer', vera)).not.toContain('VoteCast');
  });

  it('the project learns no name of a reviewer', () => {
    for (const [name, request] of Object.entries(states))
      for (const [, viewer] of eyes.filter(([eye]) => eye === 'project')) {
        const events = requestEventNames.map(name => ({
          ...requestEvent(name, 'x', vera),
          to: [{ id: 'vera', name: 'vera' }],
        }));
        expect(
          JSON.stringify(visibleEvents(trailEntry(request, events, exampleStartTime), request, viewer, 'project')),
          name,
        ).not.toContain('vera');
      }
    const [ownEvent] = visibleEvents(
      trailEntry(open, [requestEvent('RequestSubmitted', 'x', rana)], exampleStartTime),
      open,
      nina,
      'project',
    );
    expect(ownEvent).toMatchObject({ by: 'rana', byName: 'rana' });
  });

  it('two blind reviews that differ only in their votes look the same', () => {
    const eye = { quorum: 3 };
    const three = { ...facts, rules: buildAirlockConfig(eye) };
    const fresh = buildRequestInReview(three);
    for (const verdict of ['approve', 'reject'] as const) {
      const decision = tryCommand(
        fresh,
        { do: 'vote', by: viktor, ballot: buildBallot(1, verdict) },
        exampleStartTime,
        three,
      );
      if (!decision) throw new Error('refused');
      const ownVote = tryCommand(
        decision.state,
        { do: 'vote', by: vera, ballot: buildBallot(1, 'approve') },
        exampleStartTime,
        three,
      );
      const alone = tryCommand(
        fresh,
        { do: 'vote', by: vera, ballot: buildBallot(1, 'approve') },
        exampleStartTime,
        three,
      );
      if (!ownVote || !alone) throw new Error('refused');
      const rows = (vote: typeof ownVote) =>
        visibleEvents(trailEntry(vote.state, vote.events, exampleStartTime), vote.state, vera, 'reviewer');
      expect(rows(ownVote)).toEqual(rows(alone));
      expect(
        visibleEvents(trailEntry(fresh, decision.events, exampleStartTime), decision.state, vera, 'reviewer'),
      ).toEqual([]);
    }
  });
});

describe('the events of a row', () => {
  it('satisfy their contracts, and each has a stable id of its own', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...requestEventNames), { minLength: 1 }), fc.nat(1e6), (names, revision) => {
        const entry = trailEntry(
          open,
          names.map(name => requestEvent(name, 'x', vera)),
          exampleStartTime,
        );
        const entryEvents = trailEvents(entry, trailKey(exampleStartTime, revision));
        for (const [name, detail] of entryEvents) expect(airlockEvents[name].schema.parse(detail)).toEqual(detail);
        expect(new Set(entryEvents.map(([, { id }]) => id)).size).toBe(names.length);
        expect(trailEvents(entry, trailKey(exampleStartTime, revision))).toEqual(entryEvents);
      }),
    );
  });

  it('sort by time, then by the row that was changed or viewed', () => {
    const laterTime = '2026-11-01T00:00:00.001Z';
    const keys = [
      trailKey(exampleStartTime, 1),
      trailKey(exampleStartTime, 1, 'a'),
      trailKey(exampleStartTime, 2),
      trailKey(laterTime, 1, 'f'),
      trailKey(laterTime, 10),
    ];
    expect([...keys].sort()).toEqual(keys);
  });
});
