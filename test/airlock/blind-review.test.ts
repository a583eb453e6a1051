import { describe, expect, it } from 'vitest';
import { type Command, decideRequest } from '../../functions/airlock/airlock.ts';
import type { ActingPerson, Context } from '../../functions/airlock/request/decision.ts';
import { day, hour, addSeconds as later, type Request } from '../../functions/airlock/request/request.ts';
import { requestView } from '../../functions/airlock/request/request-view.ts';
import { type TrailEntry, trailEntry } from '../../functions/airlock/request/trail.ts';
import { visibleEvents } from '../../functions/airlock/request/trail-visibility.ts';
import { viewerOf } from '../../functions/airlock/request/viewer.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildPerson,
  buildRequestInReview,
  exampleStartTime,
  olga,
  rana,
} from './builders.ts';

const all = ['ada', 'bob', 'cyd', 'dan', 'eva'].map(id => buildPerson(id, 'reviewer'));
const [ada, bob] = all as [ActingPerson, ActingPerson];
const factsOf = (quorum: number): Context => ({
  rules: buildAirlockConfig({ quorum }),
  members: [rana.id],
  reviewers: all.map(({ id }) => id),
  candidates: all.map(({ id, name }) => ({ id, name })),
});

/** A review, and every event of it. */
interface Life {
  readonly request: Request;
  readonly trail: readonly TrailEntry[];
}
function then({ request: current, trail }: Life, command: Command, now: string, facts: Context): Life {
  const { state, events } = decideRequest(current, command, now, facts);
  return { request: state, trail: events.length > 0 ? [...trail, trailEntry(state, events, now)] : trail };
}
const vote = (by: ActingPerson, verdict: 'approve' | 'reject') =>
  ({ do: 'vote', by, ballot: buildBallot(1, verdict) }) as const satisfies Command;

/** What the API shows somebody: the request, and its trail. */
const seenBy = ({ request, trail }: Life, who: ActingPerson) => {
  const eye = viewerOf(request, who, false);
  return {
    request: requestView(request, who, eye),
    trail: trail.flatMap(entry => visibleEvents(entry, request, who, eye)),
  };
};

describe.each([2, 3])('a disagreement in a review with a quorum of %i', quorum => {
  const facts = factsOf(quorum);
  const asked = (request: Request) => ('asked' in request ? request.asked.map(({ id }) => id) : []);
  const fresh: Life = { request: buildRequestInReview(facts), trail: [] };
  const first = all.filter(({ id }) => asked(fresh.request).includes(id));
  const tick = { do: 'remindReviewers', attempt: fresh.request.attempt } as const;
  // The last one is missing here, rejects there, and the workflow looks at both at once.
  const some = first.slice(1).reduce((life, by) => then(life, vote(by, 'approve'), exampleStartTime, facts), fresh);
  const quiet = then(some, tick, exampleStartTime, facts);
  const disputed = then(
    then(some, vote(first[0] as ActingPerson, 'reject'), exampleStartTime, facts),
    tick,
    exampleStartTime,
    facts,
  );
  const reminded = (life: Life) => then(life, tick, later(exampleStartTime, 49 * hour), facts);
  const others = all.filter(by => !first.includes(by));
  const [next] = others.filter(({ id }) => asked(disputed.request).includes(id)) as [ActingPerson];

  it('is recorded and adds one reviewer', () => {
    expect(disputed.request).toMatchObject({ status: 'inReview', conflict: true });
    expect(asked(disputed.request)).toHaveLength(quorum + 1);
    expect(quiet.request).toMatchObject({ status: 'inReview', conflict: false });
  });

  it('stays invisible to people who have not voted, and so does the choice of the added reviewer', () => {
    for (const who of others.filter(one => one !== next))
      for (const at of [(life: Life) => life, reminded])
        expect(seenBy(at(disputed), who)).toEqual(seenBy(at(quiet), who));
  });

  it('adds the next reviewer just as a reminder or a departure does', () => {
    const gone = (first[0] as ActingPerson).id;
    const without = { ...facts, candidates: facts.candidates.filter(({ id }) => id !== gone) };
    const left = then(some, tick, exampleStartTime, without);
    expect(seenBy(disputed, next)).toEqual(seenBy(left, next));
    expect(JSON.stringify(seenBy(disputed, next))).not.toMatch(/conflict|disagree/i);
    expect(seenBy(disputed, next).trail).toMatchObject([
      { name: 'ReviewEscalated', to: [{ id: next.id, name: next.name }] },
    ]);
  });

  it('stays hidden after the deadline, as the review may be resumed', () => {
    const late = (life: Life) => then(life, tick, later(exampleStartTime, 14 * day), facts);
    const [one, two] = [late(disputed), late(quiet)];
    expect(one.request.status).toBe('timedOut');
    for (const who of others.filter(one => one !== next)) expect(seenBy(one, who)).toEqual(seenBy(two, who));
  });

  it('is visible to those who have voted and to operators', () => {
    for (const who of [...first, olga]) {
      const { request, trail } = seenBy(disputed, who);
      expect(request.conflict).toBe(true);
      expect(trail.map(({ name }) => name)).toEqual(expect.arrayContaining(['ReviewConflicted', 'ReviewEscalated']));
    }
    expect(seenBy(disputed, rana)).not.toHaveProperty('request.conflict');
    expect(seenBy(disputed, rana).trail).toEqual([]);
  });
});

it('an operator who is also a reviewer sees no more than other reviewers', () => {
  const both = buildPerson('eva', 'reviewer', 'operator');
  const facts = factsOf(2);
  let life: Life = { request: buildRequestInReview(facts), trail: [] };
  life = then(then(life, vote(ada, 'approve'), exampleStartTime, facts), vote(bob, 'reject'), exampleStartTime, facts);
  expect(life.request).toMatchObject({ conflict: true });
  expect(seenBy(life, both)).toEqual({ request: expect.not.objectContaining({ conflict: true }), trail: [] });
});
