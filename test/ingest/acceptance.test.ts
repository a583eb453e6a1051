import { describe, expect, it } from 'vitest';
import { judgeDeliveryScan } from '../../functions/ingest/delivery-scan.ts';
import { internalFaultFinding } from '../../functions/ingest/fault-findings.ts';
import { type DeliveryCommand, decideDelivery, refuseUnlessUploadable } from '../../functions/ingest/ingest.ts';
import type { Delivery, DeliveryFinding } from '../../functions/ingest/schemas.ts';

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

describe('a delivery that the malware scan could not judge', () => {
  const upload = { manifest: 'SHA256SUMS', manifestVersion: 'v1' } as const;
  const unscanned = { path: 'a.zip', reason: 'It is encrypted.', unscanned: true } as const;
  const hold = (findings: readonly DeliveryFinding[]) =>
    follow(checking, { do: 'recordFindings', check, since: now, findings, upload }).state;
  const acceptance = { do: 'acceptUnscanned', by: stella, reason: 'By agreement.', check: otherCheck } as const;

  it('is accepted by a data steward with a reason, checked again, and says so for ever', () => {
    const { state, events } = follow(hold([unscanned]), acceptance);
    const record = { by: 's-1', byName: 'stella', reason: 'By agreement.', at: now, manifestVersion: 'v1' };
    expect(state).toMatchObject({ status: 'checking', check: otherCheck, manifest: 'SHA256SUMS', unscanned: record });
    expect(events).toMatchObject([
      { type: 'UnscannedAccepted', detail: { byName: 'stella', reason: 'By agreement.' } },
    ]);
    expect(follow(state, acceptance)).toMatchObject({ state, events: [] });
    const recheck = follow(state, { do: 'beginCheck', manifest: 'SHA256SUMS', check: otherCheck }).state;
    expect(recheck).toMatchObject({ unscanned: record });
    const pending = follow(recheck, { ...waitCommand, check: otherCheck }).state;
    const accepted = follow(pending, accept).state;
    const version = { dataset: 'admissions', prefix: 'x/', registeredAt: now, partnerName: 'ninewells', ...arrival };
    const registration = { do: 'recordVersion', check: otherCheck, digest: 'b'.repeat(64) } as const;
    for (const delivery of [recheck, accepted])
      expect(follow(delivery, { ...registration, version: { ...version, delivery: checking.id } }).state).toMatchObject(
        {
          status: 'registered',
          unscanned: record,
        },
      );
    // The answer of the first call may have been lost.
    expect(follow(pending, acceptance)).toMatchObject({ state: pending, events: [] });
    const command = { ...registration, version: { ...version, delivery: checking.id } };
    const { state: receipt } = follow(accepted, command);
    for (const repetition of [acceptance, accept])
      expect(follow(receipt, repetition)).toMatchObject({ state: receipt, events: [] });
    expect(() => follow(receipt, { ...accept, by: { id: 's-2', name: 'sten' } })).toThrow(/it is registered/);
  });

  it('is accepted for one upload only: a new manifest needs the scan again', () => {
    const { state } = follow(hold([unscanned]), acceptance);
    const next = follow(state, { do: 'beginCheck', manifest: 'SHA256SUMS', check }).state;
    expect('unscanned' in next).toBe(false);
  });

  it('is accepted by nobody about their own, nor if anything else was found, least of all malware', () => {
    const malware = judgeDeliveryScan('b.csv', 'THREATS_FOUND', { now, startedAt: now, scanMinutes: 60 });
    const ownAcceptance = { ...acceptance, by: { id: 'p-1', name: 'ninewells' } };
    if (typeof malware === 'string') throw new Error('malware was let in');
    expect(() => follow(hold([unscanned]), ownAcceptance)).toThrow(/their own delivery/);
    for (const findings of [
      [malware],
      [unscanned, malware],
      [unscanned, { path: '', reason: 'x' }],
      [internalFaultFinding],
    ])
      expect(() => follow(hold(findings), acceptance)).toThrow(/is held for more than a malware scan/);
  });
});

describe('the verdict on a delivered file', () => {
  const limits = (minutes: number) => ({
    now: new Date(Date.parse(now) + minutes * 60_000).toISOString(),
    startedAt: now,
    scanMinutes: 60,
  });
  it.each([
    ['NO_THREATS_FOUND', 0, 'clean'],
    ['NO_THREATS_FOUND', 999, 'clean'],
    ['THREATS_FOUND', 0, 'malware'],
    ['UNSUPPORTED', 0, 'unscanned'],
    ['ACCESS_DENIED', 0, 'unscanned'],
    ['FAILED', 0, 'unscanned'],
    ['no_threats_found', 0, 'unscanned'],
    ['', 0, 'unscanned'],
    ['constructor', 0, 'unscanned'],
    [undefined, 59, 'waiting'],
    [undefined, 60, 'unscanned'],
  ])('%s after %d minutes is %s', (status, minutes, expected) => {
    const verdict = judgeDeliveryScan('a.csv', status, limits(minutes));
    const word = typeof verdict === 'string' ? verdict : verdict.unscanned ? 'unscanned' : 'malware';
    expect(word).toBe(expected);
  });
});

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

describe('a delivery whose dataset is withdrawn during its check', () => {
  const refuse = { do: 'refuseWithdrawn', check, reason: 'The dataset admissions was withdrawn.' } as const;
  const accepted = follow(waiting, accept).state;

  it('is rejected with the reason, whether or not a data steward accepted it, and takes no more files', () => {
    for (const delivery of [checking, accepted]) {
      const { state, events } = follow(delivery, refuse);
      expect(state).toMatchObject({ status: 'rejected', rejectedByName: 'Broch', reason: refuse.reason });
      expect(events).toMatchObject([{ type: 'DeliveryRejected', detail: { byName: 'Broch', reason: refuse.reason } }]);
      expect(() => refuseUnlessUploadable(state)).toThrow(/Open a new delivery/);
      expect(follow(state, { do: 'beginCheck', manifest: 'SHA256SUMS', check: otherCheck }).superseded).toBe(true);
    }
  });

  it('keeps its version if it was registered before, and is not touched by an older check', () => {
    const version = { dataset: 'admissions', prefix: 'x/', registeredAt: now, partnerName: 'ninewells', ...arrival };
    const record = { do: 'recordVersion', check, digest: 'b'.repeat(64) } as const;
    const registeredDelivery = follow(accepted, { ...record, version: { ...version, delivery: checking.id } }).state;
    expect(follow(registeredDelivery, refuse)).toMatchObject({ state: registeredDelivery, events: [] });
    expect(follow(checking, { ...refuse, check: otherCheck })).toMatchObject({ state: checking, superseded: true });
  });
});
