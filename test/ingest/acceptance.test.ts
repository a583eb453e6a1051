import { describe, expect, it } from 'vitest';
import { type DeliveryCommand, decideDelivery, refuseUnlessUploadable } from '../../functions/ingest/ingest.ts';
import type { Delivery } from '../../functions/ingest/schemas.ts';

const now = '2026-11-28T12:00:00.000Z';
const check = `dl-0123456789abcdef-${'1'.repeat(32)}`;
const otherCheck = `dl-0123456789abcdef-${'2'.repeat(32)}`;
const checking: Delivery = {
  status: 'checking',
  id: 'dl-0123456789abcdef',
  dataset: 'admissions',
  partner: 'p-1',
  partnerName: 'ninewells',
  openedAt: now,
  manifest: 'SHA256SUMS',
  check,
  checkingSince: now,
};
const arrival = { version: 'a'.repeat(64), files: 2, bytes: 3, changes: { added: 1, changed: 0, removed: 0 } };
const stella = { id: 's-1', name: 'stella' };
const follow = (delivery: Delivery, command: DeliveryCommand) => decideDelivery(delivery, command, now);
const waitCommand = { do: 'awaitApproval', check, arrival, endsAt: '2026-12-04T12:00:00.000Z' } as const;
const { state: waiting, events: waitEvents } = follow(checking, waitCommand);
const accept = { do: 'accept', by: stella } as const;
const reject = { do: 'reject', by: stella, reason: 'The year 2025 is missing.' } as const;

describe('a delivery without findings', () => {
  it('awaits approval with what arrived, once, and accepts no other files meanwhile', () => {
    expect(waiting).toMatchObject({ status: 'awaitingApproval', arrival, check, awaitingSince: now });
    expect(waitEvents.map(({ type }) => type)).toEqual(['DeliveryAwaiting']);
    expect(follow(waiting, waitCommand)).toMatchObject({ state: waiting, events: [] });
    expect(follow(checking, { ...waitCommand, check: otherCheck })).toMatchObject({ superseded: true });
    expect(follow(waiting, { do: 'beginCheck', manifest: 'SHA256SUMS', check: otherCheck })).toMatchObject({
      superseded: true,
      state: waiting,
    });
    expect(() => refuseUnlessUploadable(waiting)).toThrow(/awaits the decision of a data steward/);
  });

  it('is accepted by a data steward, registered, and says who accepted it', () => {
    const { state, events } = follow(waiting, accept);
    expect([state.status, events.map(({ type }) => type)]).toEqual(['checking', ['DeliveryAccepted']]);
    expect(follow(state, accept)).toMatchObject({ state, events: [] });
    const version = { dataset: 'admissions', prefix: 'x/', registeredAt: now, partnerName: 'ninewells', ...arrival };
    const registration = { do: 'recordVersion', check, digest: 'b'.repeat(64) } as const;
    expect(follow(state, { ...registration, version: { ...version, delivery: checking.id } }).state).toMatchObject({
      status: 'registered',
      accepted: { by: 's-1', byName: 'stella', at: now },
    });
    expect(follow(waiting, { ...registration, version: { ...version, delivery: checking.id } })).toMatchObject({
      superseded: true,
    });
  });

  it('is rejected with a reason, for good', () => {
    const { state, events } = follow(waiting, reject);
    expect(state).toMatchObject({ status: 'rejected', rejectedByName: 'stella', reason: reject.reason });
    expect(events).toMatchObject([{ type: 'DeliveryRejected', detail: { reason: reject.reason, byName: 'stella' } }]);
    expect(follow(state, reject)).toMatchObject({ state, events: [] });
    expect(() => follow(state, accept)).toThrow(/does not await approval: it is rejected/);
    expect(() => follow(state, { do: 'cancel' })).toThrow(/is rejected already/);
    expect(() => refuseUnlessUploadable(state)).toThrow(/is rejected. Open a new delivery/);
  });

  it('expires when nobody decides, and only its own check can say so', () => {
    expect(follow(waiting, { do: 'expire', check: otherCheck })).toMatchObject({ superseded: true });
    const { state, events } = follow(waiting, { do: 'expire', check });
    expect([state.status, events.map(({ type }) => type)]).toEqual(['expired', ['DeliveryExpired']]);
    expect(follow(follow(waiting, accept).state, { do: 'expire', check })).toMatchObject({ superseded: true });
  });

  it('is decided by nobody about their own, and not before it waits', () => {
    for (const command of [accept, reject]) {
      expect(() => follow(waiting, { ...command, by: { id: 'p-1', name: 'ninewells' } })).toThrow(/their own delivery/);
      expect(() => follow(checking, command)).toThrow(/does not await approval: it is checking/);
    }
  });

  it('can be cancelled by its partner while it waits', () => {
    expect(follow(waiting, { do: 'cancel' }).state.status).toBe('cancelled');
  });
});
