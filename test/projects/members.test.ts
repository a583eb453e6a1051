import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProjectRole } from '../../functions/http/route.ts';
import { Membership, wasMemberSince } from '../../functions/membership.ts';
import {
  decideMembership,
  MAX_MEMBERSHIP_CHANGES,
  type MembershipCommand,
  type MembershipState,
} from '../../functions/projects/members.ts';
import { Refused } from '../../functions/refused.ts';

const instant = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
const rana = { id: 'sub-rana', name: 'rana' };
const olga = { id: 'sub-olga', name: 'olga' };
const newcomer: MembershipState = { project: 'asthma', membership: undefined };

const addRana = (...roles: ProjectRole[]): MembershipCommand => ({
  do: 'add',
  person: rana,
  roles,
  by: olga,
  unconfirmedReviewer: false,
});
const removeRana: MembershipCommand = { do: 'remove', by: olga, reason: 'left the university' };

const follow = (commands: readonly MembershipCommand[]) =>
  commands.reduce<MembershipState>(
    (state, command, index) => decideMembership(state, command, instant(index)).state,
    newcomer,
  );

/** The state after the command, or the same state if the command is refused. */
function attempt(state: MembershipState, command: MembershipCommand, now: string): MembershipState {
  try {
    return decideMembership(state, command, now).state;
  } catch (error) {
    if (error instanceof Refused) return state;
    throw error;
  }
}

const commands = fc.array(
  fc.oneof(
    fc
      .subarray<ProjectRole>(['lead', 'researcher'], { minLength: 1 })
      .map(roles => ({ ...addRana(...roles), reason: 'joined' }) as MembershipCommand),
    fc.constant(removeRana),
  ),
  { maxLength: 30 },
);

describe('a membership', () => {
  it('says who added whom with which roles, when and why', () => {
    const command: MembershipCommand = { ...addRana('researcher'), reason: 'works on admissions' } as MembershipCommand;
    const { state, events } = decideMembership(newcomer, command, instant(5));
    const author = { by: 'sub-olga', byName: 'olga', at: instant(5), reason: 'works on admissions' };
    expect(state.membership).toEqual({
      user: 'sub-rana',
      name: 'rana',
      roles: ['researcher'],
      since: instant(5),
      changes: [{ change: 'added', roles: ['researcher'], ...author }],
    });
    expect(events).toEqual([
      {
        source: 'broch.projects',
        type: 'MemberAdded',
        detail: { project: 'asthma', user: 'sub-rana', name: 'rana', roles: ['researcher'], ...author },
      },
    ]);
  });

  it('keeps the date of the addition when the roles change', () => {
    const earlier = follow([addRana('researcher')]);
    const { state, events } = decideMembership(earlier, addRana('lead', 'researcher', 'lead'), instant(9));
    expect(state.membership).toMatchObject({ roles: ['lead', 'researcher'], since: instant(0) });
    expect(events.map(({ type }) => type)).toEqual(['MemberRoleChanged']);
  });

  it('does not change when the person already holds the roles, in any order', () => {
    const earlier = follow([addRana('lead', 'researcher')]);
    const { state, events } = decideMembership(earlier, addRana('researcher', 'lead'), instant(9));
    expect(state).toBe(earlier);
    expect(events).toEqual([]);
  });

  it('keeps its record without roles after a removal', () => {
    const { state, events } = decideMembership(follow([addRana('lead')]), removeRana, instant(9));
    expect(state.membership).toMatchObject({ user: 'sub-rana', roles: [] });
    expect(state.membership?.changes.at(-1)).toEqual({
      change: 'removed',
      roles: [],
      by: 'sub-olga',
      byName: 'olga',
      at: instant(9),
      reason: 'left the university',
    });
    expect(events.map(({ type }) => type)).toEqual(['MemberRemoved']);
  });

  it('starts again when a removed person is added again', () => {
    const { membership } = follow([addRana('lead'), removeRana, addRana('researcher')]);
    expect(membership).toMatchObject({ roles: ['researcher'], since: instant(2) });
    expect(membership?.changes.map(({ change }) => change)).toEqual(['added', 'removed', 'added']);
  });

  it('cannot be removed from somebody who has none', () => {
    expect(() => decideMembership(newcomer, removeRana, instant(1))).toThrow('not a member of asthma');
    expect(() => decideMembership(follow([addRana('lead'), removeRana]), removeRana, instant(9))).toThrow(
      'rana is no longer a member of asthma',
    );
  });

  it('begins for a reviewer only once the operator has confirmed it', () => {
    const unconfirmed = { ...addRana('researcher'), unconfirmedReviewer: true } as MembershipCommand;
    expect(() => decideMembership(newcomer, unconfirmed, instant(1))).toThrow('rana is a reviewer');
    expect(decideMembership(newcomer, addRana('researcher'), instant(1)).events.length).toBe(1);
    const roleChange = { ...unconfirmed, roles: ['lead'] } as MembershipCommand;
    expect(decideMembership(follow([addRana('researcher')]), roleChange, instant(9)).events.length).toBe(1);
  });

  it('can always be removed, however often it was changed', () => {
    let state = newcomer;
    for (let index = 0; index < 2 * MAX_MEMBERSHIP_CHANGES; index++)
      state = attempt(state, addRana(index % 2 === 0 ? 'lead' : 'researcher'), instant(index));
    expect(() => decideMembership(state, addRana('lead', 'researcher'), instant(999))).toThrow('which is the limit');
    const { membership } = decideMembership(state, removeRana, instant(1000)).state;
    expect(membership?.roles).toEqual([]);
    expect(membership?.changes.length).toBe(MAX_MEMBERSHIP_CHANGES);
  });

  it('leaves a person with roles exactly if the last accepted command added them, and only appends to its history', () => {
    fc.assert(
      fc.property(commands, sequence => {
        let state = newcomer;
        for (const [index, command] of sequence.entries()) {
          const next = attempt(state, command, instant(index));
          const earlier = state.membership?.changes ?? [];
          const current = next.membership?.changes ?? [];
          expect(current.slice(0, earlier.length)).toEqual(earlier);
          expect(current.length - earlier.length).toBeLessThanOrEqual(1);
          if (command.do === 'remove') expect(next.membership?.roles ?? []).toEqual([]);
          else expect([...(next.membership?.roles ?? [])].sort()).toEqual([...command.roles].sort());
          if (next.membership) expect(Membership.parse(next.membership)).toEqual(next.membership);
          state = next;
        }
      }),
    );
  });
});

describe('whether somebody was a member since an instant', () => {
  it('agrees with a membership that is looked up at every second', () => {
    fc.assert(
      fc.property(commands, fc.integer({ min: 0, max: 31 }), (sequence, start) => {
        let state = newcomer;
        let member = false;
        for (let second = 0; second <= 31; second++) {
          const command = sequence[second];
          // At the second of a change the person was a member before it or is one after it.
          const heldBefore = (state.membership?.roles.length ?? 0) > 0;
          if (command) state = attempt(state, command, instant(second));
          const heldAfter = (state.membership?.roles.length ?? 0) > 0;
          if (second >= start && (heldBefore || heldAfter)) member = true;
        }
        const history = state.membership ? [state.membership] : [];
        expect(wasMemberSince(history, 'sub-rana', instant(start))).toBe(member);
        expect(wasMemberSince(history, 'sub-olga', instant(start))).toBe(false);
      }),
    );
  });

  it('counts a current member whose record has no changes', () => {
    const record = Membership.parse({ user: 'sub-rana', name: 'rana', roles: ['lead'], since: instant(0) });
    expect(wasMemberSince([record], 'sub-rana', instant(99))).toBe(true);
  });
});
