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

const voted = (by: ActingPerson, request: Request, verdict: 'approve' | 'reject' = 'approve') => {
  const decision = tryCommand(
    request,
    { do: 'vote', by, ballot: buildBallot(request.round, verdict) },
    exampleStartTime,
    facts,
  );
  if (!decision) throw new Error('the vote was refused');
  return decision.state;
};
const open = buildRequestInReview(facts);
const before = voted(viktor, open);
const disputed = voted(viktor, voted(vera, open, 'reject'));
const decided = voted(vera, before);
const states: Record<string, Request> = { draft: buildDraft(facts), 'in review': before, disputed, decided };

/** Viktor did it all, in the round of `of`. */
const seen = (request: Request, eye: Viewer, who: ActingPerson, by = viktor, round = request.round) =>
  requestEventNames.filter(
    name =>
      visibleEvents(
        { ...trailEntry(request, [requestEvent(name, 'x', by)], exampleStartTime), round },
        request,
        who,
        eye,
      ).length > 0,
  );

describe('visibility of trail entries', () => {
  const votes: RequestEventName[] = ['VoteCast', 'VoteDropped'];
  const asks: RequestEventName[] = ['ReviewConflicted', 'ReviewReminded', 'ReviewEscalated'];
  const inside: RequestEventName[] = [...votes, 'FileViewed', ...asks, 'ReviewReissued'];
  const without = (hidden: RequestEventName[]) => requestEventNames.filter(name => !hidden.includes(name));
  const rows: [string, Viewer, RequestEventName[]][] = [
    ['draft', 'project', inside],
    ['in review', 'project', inside],
    ['disputed', 'project', inside],
    ['decided', 'project', inside],
    ['in review', 'reviewer', [...votes, 'FileViewed', ...asks]],
    ['in review', 'operator', votes],
    // Whoever decides between those who disagree is as blind as they were.
    ['disputed', 'reviewer', [...votes, 'FileViewed', ...asks]],
    ['disputed', 'operator', votes],
    ['decided', 'reviewer', []],
    ['decided', 'operator', []],
  ];
  it.each(rows)('in the state %s, the viewer %s sees all events but %j', (state, eye, hidden) => {
    for (const [as, who] of eyes.filter(([one]) => one === eye))
      expect(seen(states[state] as Request, as, who)).toEqual(without(hidden));
  });

  it('a reviewer who has voted sees that others disagree, but not on what', () => {
    const theirs = requestEventNames.filter(name => !votes.includes(name) && name !== 'FileViewed');
    expect(seen(disputed, 'reviewer', vera)).toEqual(theirs);
  });

  it('reviewers always see their own votes and views, and everything about ended rounds', () => {
    expect(seen(before, 'reviewer', viktor)).toEqual(requestEventNames);
    expect(seen({ ...before, round: 2 }, 'reviewer', vera, viktor, 1)).toEqual(requestEventNames);
  });

  it('a review that timed out stays blind, as it can be resumed', () => {
    const late = tryCommand(
      before,
      { do: 'remindReviewers', attempt: before.attempt },
      '2027-06-01T00:00:00.000Z',
      facts,
    )?.state;
    if (late?.status !== 'expired') throw new Error('it is not over');
    expect(seen(late, 'reviewer', vera)).toEqual(requestEventNames);
    const timedOut = tryCommand(
      before,
      { do: 'remindReviewers', attempt: 0 },
      '2026-11-20T00:00:00.000Z',
      facts,
    )?.state;
    if (timedOut?.status !== 'timedOut') throw new Error('it has not timed out');
    expect(seen(timedOut, 'reviewer', vera)).not.toContain('VoteCast');
  });

  it('the project learns no name of a reviewer', () => {
    for (const [name, request] of Object.entries(states))
      for (const [, who] of eyes.filter(([eye]) => eye === 'project')) {
        const events = requestEventNames.map(name => ({
          ...requestEvent(name, 'x', vera),
          to: [{ id: 'vera', name: 'vera' }],
        }));
        expect(
          JSON.stringify(visibleEvents(trailEntry(request, events, exampleStartTime), request, who, 'project')),
          name,
        ).not.toContain('vera');
      }
    const [own] = visibleEvents(
      trailEntry(open, [requestEvent('RequestSubmitted', 'x', rana)], exampleStartTime),
      open,
      nina,
      'project',
    );
    expect(own).toMatchObject({ by: 'rana', byName: 'rana' });
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
      const mine = tryCommand(
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
      if (!mine || !alone) throw new Error('refused');
      const rows = (one: typeof mine) =>
        visibleEvents(trailEntry(one.state, one.events, exampleStartTime), one.state, vera, 'reviewer');
      expect(rows(mine)).toEqual(rows(alone));
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
        const sent = trailEvents(entry, trailKey(exampleStartTime, revision));
        for (const [name, about] of sent) expect(airlockEvents[name].schema.parse(about)).toEqual(about);
        expect(new Set(sent.map(([, { id }]) => id)).size).toBe(names.length);
        expect(trailEvents(entry, trailKey(exampleStartTime, revision))).toEqual(sent);
      }),
    );
  });

  it('sort by time, then by the row that was changed or viewed', () => {
    const later = '2026-11-01T00:00:00.001Z';
    const keys = [
      trailKey(exampleStartTime, 1),
      trailKey(exampleStartTime, 1, 'a'),
      trailKey(exampleStartTime, 2),
      trailKey(later, 1, 'f'),
      trailKey(later, 10),
    ];
    expect([...keys].sort()).toEqual(keys);
  });
});
