import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Command } from '../../functions/airlock/airlock.ts';
import { applyDeadlines, sweepAt } from '../../functions/airlock/request/deadlines.ts';
import { day, isFinal, Request } from '../../functions/airlock/request/request.ts';
import { draftRequest } from '../../functions/airlock/request/requester-commands.ts';
import { sealedPlace } from '../../functions/airlock/request/retention.ts';
import { timeAfter } from '../../functions/clock.ts';
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

const vera = buildPerson('vera', 'reviewer');
const facts = {
  rules: buildAirlockConfig({ quorum: 1, lockDays: 40, graceDays: 5, releasedDays: 10 }),
  members: [rana.id],
  reviewers: [vera.id],
  candidates: [],
};
const text = { key: 'receipts/x.json', versionId: 'v', sha256: 'b'.repeat(64) };
const deletion: Command = { do: 'recordDeletion', receipt: text, inventory: undefined, objects: 3, bytes: 30 };

function must(request: Request, command: Command, now: string) {
  const decision = tryCommand(request, command, now, facts);
  if (!decision) throw new Error(`${command.do} was refused`);
  return decision;
}
const play = (current: Request, commands: ((request: Request) => Command)[], now = exampleStartTime) =>
  commands.reduce((request, command) => must(request, command(request), now).state, current);
const sealingSteps: ((request: Request) => Command)[] = [
  () => ({ do: 'submit', by: rana }),
  ({ attempt, round }) => ({ do: 'recordSeal', attempt, seal: buildSeal(round) }),
  ({ attempt }) => ({ do: 'recordReport', attempt, report: buildReport() }),
];
const releaseSteps = [
  ...sealingSteps,
  ({ round }: Request): Command => ({ do: 'vote', by: vera, ballot: buildBallot(round, 'approve') }),
  (): Command => ({ do: 'release', by: olga }),
  ({ attempt }: Request): Command => ({ do: 'recordRelease', attempt, release: buildRelease() }),
];
const retentionEnd = (request: Request) => ('retainedUntil' in request ? request.retainedUntil : undefined);

describe('the retention of a request that has ended', () => {
  it('lasts until its lock ends, counted from the seal', () => {
    const request = play(buildDraft(facts), [
      ...sealingSteps,
      ({ round }) => ({ do: 'vote', by: vera, ballot: buildBallot(round, 'reject') }),
    ]);
    expect(request.status).toBe('rejected');
    expect(retentionEnd(request)).toBe(timeAfter(exampleStartTime, 40 * day));
    const withdrawn = play(
      play(buildDraft(facts), sealingSteps),
      [() => ({ do: 'withdraw', by: rana, reason: 'x' })],
      timeAfter(exampleStartTime, 3 * day),
    );
    expect(retentionEnd(withdrawn)).toBe(timeAfter(exampleStartTime, 41 * day));
  });

  it('lasts until its lock ends, counted from the release, and never ends before the download period', () => {
    const end = '2029-01-01T00:00:00.000Z';
    const request = applyDeadlines(play(buildDraft(facts), releaseSteps), end, facts.rules).request;
    expect(request.status).toBe('expired');
    expect(retentionEnd(request)).toBe(timeAfter(exampleStartTime, 40 * day));
    const short = { ...facts.rules, lockDays: 2 };
    expect(retentionEnd(applyDeadlines(play(buildDraft(facts), releaseSteps), end, short).request)).toBe(
      timeAfter(exampleStartTime, 15 * day),
    );
  });

  it('does not exist for a request that never left the project, and the event says so', () => {
    const { request, events } = applyDeadlines(buildDraft(facts), timeAfter(exampleStartTime, 31 * day), facts.rules);
    expect([request.status, retentionEnd(request), sweepAt(request)]).toEqual(['expired', undefined, undefined]);
    expect(events.map(({ message }) => message)).toEqual([
      "It was draft until its deadline passed. Its files stay where they are, in the project's data/outbox/t/.",
    ]);
    expect(sealedPlace(request)).toEqual([]);
  });

  it('ends with the draft, for an upload that was never sealed', () => {
    const { title, project, groups } = buildDraft(facts);
    const current = draftRequest(
      { id: 'al-0011223344556678', title, project, groups, direction: 'import' },
      rana,
      exampleStartTime,
      facts,
    ).state;
    const { request } = applyDeadlines(current, timeAfter(exampleStartTime, 31 * day), facts.rules);
    expect(retentionEnd(request)).toBe(timeAfter(exampleStartTime, 30 * day));
    expect(sealedPlace(request)).toEqual([{ bucket: 'uploads', prefix: 'uploads/al-0011223344556678/' }]);
  });
});

describe('the deletion of content', () => {
  const current = play(buildDraft(facts), [...sealingSteps, () => ({ do: 'withdraw', by: rana, reason: 'x' })]);
  const due = retentionEnd(current) ?? '';
  it('happens only when due, and is recorded once', () => {
    expect(must(current, deletion, timeAfter(due, -1))).toMatchObject({ superseded: true, events: [] });
    const { state, events } = must(current, deletion, due);
    expect(Request.parse(state)).toMatchObject({
      status: 'withdrawn',
      deleted: { at: due, objects: 3, receipt: text },
    });
    expect(events.map(({ name }) => name)).toEqual(['ContentDeleted']);
    expect(sweepAt(state)).toBeUndefined();
    expect(must(state, deletion, timeAfter(due, day)).events).toEqual([]);
  });

  it('waits while any object is locked', () => {
    const { state } = must(current, { do: 'extendRetention', until: timeAfter(due, day) }, due);
    expect(sweepAt(state)).toBe(timeAfter(due, day));
    expect(must(state, deletion, due).superseded).toBe(true);
  });

  it('is recorded before it happens', () => {
    const list: Command = { do: 'recordInventory', inventory: text, before: undefined };
    expect(must(current, list, due).state).toMatchObject({ inventory: text });
    expect(must(play(buildDraft(facts), sealingSteps), list, exampleStartTime).superseded).toBe(true);
  });
});

describe('two deletions at the same time', () => {
  const [firstInventory, otherInventory] = [
    { ...text, versionId: '1' },
    { ...text, versionId: '2' },
  ];
  const withdrawal = play(buildDraft(facts), [...sealingSteps, () => ({ do: 'withdraw', by: rana, reason: 'x' })]);
  const due = retentionEnd(withdrawal) ?? '';
  const importWithdrawal = { ...withdrawal, direction: 'import' as const };

  it.each([
    [
      'in the buckets of the airlock',
      withdrawal,
      'recordInventory',
      (inventory: typeof firstInventory) => ({ ...deletion, inventory }),
    ],
    [
      'in a project',
      importWithdrawal,
      'startRetraction',
      (receipt: typeof firstInventory) => ({ do: 'recordRetraction', receipt, objects: 1, bytes: 1 }) as const,
    ],
  ] as const)(
    '%s: an inventory that does not include the other one is not recorded as complete',
    (_, request, verb, complete) => {
      const inventoryState = must(request, { do: verb, inventory: firstInventory, before: undefined }, due).state;
      expect(must(inventoryState, { do: verb, inventory: firstInventory, before: undefined }, due).state).toEqual(
        inventoryState,
      );
      expect(must(inventoryState, { do: verb, inventory: otherInventory, before: undefined }, due).superseded).toBe(
        true,
      );
      expect(must(inventoryState, complete(otherInventory), due).superseded).toBe(true);
      const further = must(inventoryState, { do: verb, inventory: otherInventory, before: firstInventory }, due).state;
      expect(must(further, complete(firstInventory), due).superseded).toBe(true);
      expect(must(further, complete(otherInventory), due).superseded).toBeUndefined();
    },
  );
});

it('keeps the votes of a review that was never resumed like those of any round', () => {
  const two = { ...facts, rules: buildAirlockConfig({ quorum: 2 }) };
  const votedState = tryCommand(
    play(buildDraft(facts), sealingSteps.slice(0, 2)),
    { do: 'recordReport', attempt: 1, report: buildReport() },
    exampleStartTime,
    two,
  );
  const vote = tryCommand(
    votedState?.state as Request,
    { do: 'vote', by: vera, ballot: buildBallot(1, 'approve') },
    exampleStartTime,
    two,
  );
  const { ended: finalRound } = must(vote?.state as Request, { do: 'applyDeadlines' }, '2028-01-01T00:00:00.000Z');
  expect(finalRound).toMatchObject({ outcome: 'expired', round: 1, votes: [{ by: 'vera' }] });
});

/** The core of the sweeper: what is due, at each hour. */
const sweep = (request: Request, now: string): Request => {
  const due = sweepAt(request);
  if (due === undefined || due > now) return request;
  return must(request, isFinal(request) ? deletion : { do: 'applyDeadlines' }, now).state;
};

it('leaves nothing overdue after a sweep, nothing in the end, and deletes nothing early', () => {
  const steps = [
    ...releaseSteps,
    () => ({ do: 'revoke', by: vera, reason: 'x' }),
    () => ({ do: 'withdraw', by: rana, reason: 'x' }),
  ];
  fc.assert(
    fc.property(
      fc.nat(releaseSteps.length),
      fc.boolean(),
      fc.nat(1),
      fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 20, maxLength: 60 }),
      (count, isEnding, choice, hours) => {
        let request = play(buildDraft(facts), releaseSteps.slice(0, count));
        if (isEnding)
          request =
            tryCommand(request, (steps[releaseSteps.length + choice] as () => Command)(), exampleStartTime, facts)
              ?.state ?? request;
        let now = exampleStartTime;
        for (const hour of [...hours, 24 * 365 * 5]) {
          now = timeAfter(now, hour * 3600);
          // A lapse may leave something that is due at once, as the run after it finds.
          for (let run = 0; run < 2; run++) request = sweep(request, now);
          if ((sweepAt(request) ?? '9') <= now) throw new Error(`${request.status} is overdue`);
          Request.parse(request);
        }
        expect(isFinal(request)).toBe(true);
        expect(sweepAt(request)).toBeUndefined();
        if (sealedPlace(request).length > 0) expect(request).toMatchObject({ deleted: { receipt: text } });
      },
    ),
  );
});
