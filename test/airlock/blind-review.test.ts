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

const reviewers = ['ada', 'bob', 'cyd', 'dan', 'eva'].map(id => buildPerson(id, 'reviewer'));
const [ada, bob] = reviewers as [ActingPerson, ActingPerson];
const factsOf = (quorum: number): Context => ({
  rules: buildAirlockConfig({ quorum }),
  members: [rana.id],
  reviewers: reviewers.map(({ id }) => id),
  candidates: reviewers.map(({ id, name }) => ({ id, name })),
});

/** A review, and every event of it. */
interface Life {
  readonly request: Request;
  readonly trail: readonly TrailEntry[];
}
function advance({ request: current, trail }: Life, command: Command, now: string, facts: Context): Life {
  const { state, events } = decideRequest(current, command, now, facts);
  return { request: state, trail: events.length > 0 ? [...trail, trailEntry(state, events, now)] : trail };
}
const vote = (voter: ActingPerson, verdict: 'approve' | 'reject') =>
  ({ do: 'vote', by: voter, ballot: buildBallot(1, verdict) }) as const satisfies Command;

/** What the API shows somebody: the request, and its trail. */
const seenBy = ({ request, trail }: Life, viewer: ActingPerson) => {
  const eye = viewerOf(request, viewer, false);
  return {
    request: requestView(request, viewer, eye),
    trail: trail.flatMap(entry => visibleEvents(entry, request, viewer, eye)),
  };
};

describe.each([2, 3])('a disagreement in a review with a quorum of %i', quorum => {
  const facts = factsOf(quorum);
  const invitedIds = (request: Request) => ('assignees' in request ? request.assignees.map(({ id }) => id) : []);
  const fresh: Life = { request: buildRequestInReview(facts), trail: [] };
  const assignees = reviewers.filter(({ id }) => invitedIds(fresh.request).includes(id));
  const first = assignees.slice(0, quorum);
  const tick = { do: 'remindReviewers', attempt: fresh.request.attempt } as const;
  // The last one is missing here, rejects there, and the workflow looks at both at once.
  const halfway = first
    .slice(1)
    .reduce((life, voter) => advance(life, vote(voter, 'approve'), exampleStartTime, facts), fresh);
  const quiet = advance(halfway, tick, exampleStartTime, facts);
  const dispute = advance(
    advance(halfway, vote(first[0] as ActingPerson, 'reject'), exampleStartTime, facts),
    tick,
    exampleStartTime,
    facts,
  );
  const remind = (life: Life) => advance(life, tick, later(exampleStartTime, 49 * hour), facts);
  const absent = reviewers.filter(reviewer => !first.includes(reviewer));
  const addressees = ({ trail }: Life) => trail.flatMap(({ events }) => events.flatMap(event => event.to ?? []));

  it('is recorded, and was prepared for: the reviewer who decides it was asked with the others', () => {
    expect(dispute.request).toMatchObject({ status: 'inReview', conflict: true });
    expect(quiet.request).toMatchObject({ status: 'inReview', conflict: false });
    expect(assignees).toHaveLength(quorum + 1);
    expect(invitedIds(dispute.request)).toEqual(invitedIds(fresh.request));
  });

  it('stays invisible to people who have not voted, also to the one who decides it', () => {
    for (const viewer of absent)
      for (const passage of [(life: Life) => life, remind, (life: Life) => remind(remind(life))])
        expect(seenBy(passage(dispute), viewer)).toEqual(seenBy(passage(quiet), viewer));
  });

  it('asks nobody to act who is not asked without it', () => {
    expect(addressees(dispute)).toEqual(addressees(quiet));
    expect(addressees(remind(dispute))).toEqual(addressees(remind(quiet)));
  });

  it('stays hidden after the deadline, as the review may be resumed', () => {
    const late = (life: Life) => advance(life, tick, later(exampleStartTime, 14 * day), facts);
    const [openDispute, openReview] = [late(dispute), late(quiet)];
    expect(openDispute.request.status).toBe('timedOut');
    for (const viewer of absent) expect(seenBy(openDispute, viewer)).toEqual(seenBy(openReview, viewer));
  });

  it('is visible to those who have voted and to operators', () => {
    for (const viewer of [...first, olga]) {
      const { request, trail } = seenBy(dispute, viewer);
      expect(request.conflict).toBe(true);
      expect(trail.map(({ name }) => name)).toContain('ReviewConflicted');
    }
    expect(seenBy(dispute, rana)).not.toHaveProperty('request.conflict');
    expect(seenBy(dispute, rana).trail).toEqual([]);
  });
});

it('an operator who is also a reviewer sees no more than other reviewers', () => {
  const dualPerson = buildPerson('eva', 'reviewer', 'operator');
  const facts = factsOf(2);
  let life: Life = { request: buildRequestInReview(facts), trail: [] };
  life = advance(
    advance(life, vote(ada, 'approve'), exampleStartTime, facts),
    vote(bob, 'reject'),
    exampleStartTime,
    facts,
  );
  expect(life.request).toMatchObject({ conflict: true });
  expect(seenBy(life, dualPerson)).toEqual({ request: expect.not.objectContaining({ conflict: true }), trail: [] });
});
