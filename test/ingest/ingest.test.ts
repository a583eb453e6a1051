import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { internalFaultFinding } from '../../functions/ingest/fault-findings.ts';
import {
  createDeliveryId,
  type DeliveryCommand,
  decideDelivery,
  isNewerVersion,
  landingPrefix,
  parseManifestKey,
  refuseUnlessUploadable,
} from '../../functions/ingest/ingest.ts';
import { type DatasetVersion, Delivery } from '../../functions/ingest/schemas.ts';
import { UPLOAD_SECONDS, uploadPolicy } from '../../functions/storage/upload-access.ts';

const id = 'dl-0123456789abcdef';
const instant = (minute: number) => new Date(Date.UTC(2026, 10, 21, 9, minute)).toISOString();
const checkOf = (number: number) => `${id}-${number.toString(16).padStart(32, '0')}`;
const open: Delivery = {
  status: 'open',
  id,
  dataset: 'admissions',
  partner: 'p-1',
  partnerName: 'ninewells',
  openedAt: instant(0),
};
const version: DatasetVersion = {
  dataset: 'admissions',
  version: 'a'.repeat(64),
  files: 2,
  bytes: 3,
  delivery: id,
  partnerName: 'ninewells',
  prefix: 'datasets/admissions/a/',
  registeredAt: instant(1),
};
const digest = 'b'.repeat(64);
const findings = [{ path: 'a.csv', reason: 'wrong' }];
const begin = (check: number) => ({ do: 'beginCheck', manifest: 'SHA256SUMS', check: checkOf(check) }) as const;
const hold = (check: number, findingList = findings, startMinute = check) =>
  ({ do: 'recordFindings', check: checkOf(check), since: instant(startMinute), findings: findingList }) as const;
const register = (check: number, recordedVersion = version) =>
  ({ do: 'recordVersion', check: checkOf(check), digest, version: recordedVersion }) as const;
const follow = (delivery: Delivery, command: DeliveryCommand, minute: number) =>
  decideDelivery(delivery, command, instant(minute)).state;
const start = (check: number) => follow(open, begin(check), check);

const steward = { id: 's-1', name: 'stella' };
const arrival = { version: 'a'.repeat(64), files: 2, bytes: 3 };
const waitFor = (check: number) =>
  ({ do: 'awaitApproval', check: checkOf(check), arrival, endsAt: instant(59) }) as const;

describe('the manifest that completes a delivery', () => {
  it.each([
    [`in/p-1/${id}/SHA256SUMS`, { partner: 'p-1', delivery: id, manifest: 'SHA256SUMS' }],
    [`in/p-1/${id}/manifest-sha256.txt`, { partner: 'p-1', delivery: id, manifest: 'manifest-sha256.txt' }],
    [`in/p-1/${id}/data/SHA256SUMS`, undefined],
    [`in/p-1/${id}/xSHA256SUMS`, undefined],
    [`in/p-1/${id}/SHA256SUMS/`, undefined],
    [`in/p-1/dl-1/SHA256SUMS`, undefined],
    [`in/../${id}/SHA256SUMS`, undefined],
    [`out/p-1/${id}/SHA256SUMS`, undefined],
    [`in/p-1/${id}/SHA256SUMS\n`, undefined],
  ])('%j', (key, expected) => expect(parseManifestKey(key)).toEqual(expected));
});

describe('a delivery', () => {
  it('gives ids that sort by age', () => {
    expect(createDeliveryId(instant(1), 2 ** 20 - 1) < createDeliveryId(instant(2), 0)).toBe(true);
    expect(createDeliveryId(instant(1), 0)).toMatch(/^dl-[0-9a-f]{16}$/);
  });

  it('is held by its check, with its reasons', () => {
    const heldDelivery = follow(start(1), hold(1), 2);
    expect(heldDelivery).toMatchObject({ status: 'held', findings, found: 1, heldAt: instant(2) });
    expect(heldDelivery).not.toHaveProperty('checkingSince');
  });

  it('keeps the first findings only, short, and counts them all', () => {
    const manyFindings = Array.from({ length: 5000 }, () => ({ path: 'x'.repeat(1000), reason: 'y'.repeat(2000) }));
    const heldDelivery = follow(start(1), hold(1, manyFindings), 2);
    expect(heldDelivery).toMatchObject({ status: 'held', found: 5000 });
    expect(heldDelivery.status === 'held' && heldDelivery.findings).toHaveLength(200);
    expect(JSON.stringify(heldDelivery).length).toBeLessThan(300_000);
  });

  it('is held for an internal fault when a check failed before it began', () => {
    const fault = [internalFaultFinding];
    expect(follow(open, hold(1, fault), 2).status).toBe('held');
    const earlier = follow(start(1), hold(1), 2);
    expect(follow(earlier, hold(3, fault), 4)).toMatchObject({ status: 'held', findings: fault });
    expect(decideDelivery(earlier, hold(0, fault), instant(4))).toMatchObject({ superseded: true, state: earlier });
  });

  it('accepts steps of its newest check only', () => {
    const second = follow(start(1), begin(2), 2);
    for (const command of [register(1), hold(1)])
      expect(decideDelivery(second, command, instant(3))).toMatchObject({
        superseded: true,
        events: [],
        state: second,
      });
    expect(follow(second, register(2), 3).status).toBe('registered');
  });

  it('names the earlier delivery of the same files', () => {
    const earlierVersion = { ...version, delivery: 'dl-0000000000000001' };
    expect(follow(start(1), register(1, earlierVersion), 2)).toMatchObject({ sameAs: earlierVersion.delivery });
    expect(follow(start(1), register(1), 2)).not.toHaveProperty('sameAs');
  });

  it('accepts uploads until it is registered', () => {
    const registeredDelivery = follow(start(1), register(1), 2);
    for (const delivery of [open, start(1)]) expect(() => refuseUnlessUploadable(delivery)).not.toThrow();
    expect(() => refuseUnlessUploadable(registeredDelivery)).toThrow(/registered and accepts no more files/);
    expect(follow(registeredDelivery, { do: 'noteManifest', digest }, 3)).toBe(registeredDelivery);
    expect(follow(registeredDelivery, { do: 'noteManifest', digest: 'c'.repeat(64) }, 3)).toMatchObject({
      ...registeredDelivery,
      ignored: { at: instant(3) },
    });
  });

  it('is cancelled by its partner while it is open or held, and never checked again', () => {
    const cancel = (delivery: Delivery) => decideDelivery(delivery, { do: 'cancel' }, instant(5));
    for (const delivery of [open, follow(start(1), hold(1), 2)]) {
      const { state, events } = cancel(delivery);
      expect(state).toMatchObject({ status: 'cancelled', cancelledAt: instant(5) });
      expect(events.map(({ type }) => type)).toEqual(['DeliveryCancelled']);
      expect(cancel(state)).toMatchObject({ state, events: [] });
      for (const command of [begin(6), hold(6), register(6)])
        expect(decideDelivery(state, command, instant(7))).toMatchObject({ superseded: true, state, events: [] });
      expect(() => refuseUnlessUploadable(state)).toThrow(/was cancelled. Open a new delivery/);
    }
    expect(() => cancel(start(1))).toThrow(/is being checked. Wait for the result/);
    expect(() => cancel(follow(start(1), register(1), 2))).toThrow(/a version cannot be taken back/);
  });

  it('publishes each of its events once', () => {
    const types = (delivery: Delivery, command: DeliveryCommand) =>
      decideDelivery(delivery, command, instant(2)).events.map(({ type }) => type);
    expect(types(start(1), hold(1))).toEqual(['DeliveryHeld']);
    expect(types(follow(start(1), hold(1), 2), hold(1))).toEqual([]);
    expect(types(start(1), register(1))).toEqual(['DatasetRegistered', 'DeliveryReceived']);
    expect(types(start(1), register(1, { ...version, delivery: 'dl-0000000000000001' }))).toEqual(['DeliveryReceived']);
    expect(types(follow(start(1), register(1), 2), register(1))).toEqual([]);
  });

  it('is registered at most once and never changes afterwards, in any order of events', () => {
    const command = fc.record({
      what: fc.constantFrom('begin', 'hold', 'register', 'again', 'cancel', 'wait', 'accept', 'reject', 'expire'),
      check: fc.nat(3),
      digest: fc.constantFrom(digest, 'c'.repeat(64)),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), commands => {
        let now: Delivery = open;
        let receipt: string | undefined;
        for (const [index, { what: verb, check, digest }] of commands.entries()) {
          const byName: Record<string, DeliveryCommand> = {
            begin: begin(check),
            hold: hold(check, findings, 0),
            register: { ...register(check), digest },
            again: { do: 'noteManifest', digest },
            wait: waitFor(check),
            expire: { do: 'expire', check: checkOf(check) },
            ...(now.status === 'awaitingApproval' && {
              accept: { do: 'accept', by: steward },
              reject: { do: 'reject', by: steward, reason: 'wrong' },
            }),
            ...((now.status === 'open' || now.status === 'held') && { cancel: { do: 'cancel' } }),
          };
          const command = byName[verb];
          const next = command && follow(now, command, index);
          const ownCheck = checkOf(check);
          if (next?.status === 'registered' && now.status !== 'registered')
            expect(now).toMatchObject({ status: 'checking', check: ownCheck });
          if (now.status === 'registered') expect(next?.status ?? 'registered').toBe('registered');
          if (['cancelled', 'rejected', 'expired'].includes(now.status)) expect(next ?? now).toBe(now);
          now = Delivery.parse(next ?? now);
          if (now.status !== 'registered') continue;
          const { ignored: _, ...rest } = now;
          receipt ??= JSON.stringify(rest);
          expect(JSON.stringify(rest)).toBe(receipt);
        }
      }),
    );
  });
});

describe('the catalogue', () => {
  it('shows the same newest version whoever writes last', () => {
    const otherVersion = { ...version, version: 'c'.repeat(64) };
    expect([isNewerVersion(undefined, version), isNewerVersion(version, version)]).toEqual([true, false]);
    expect(isNewerVersion(version, otherVersion)).not.toBe(isNewerVersion(otherVersion, version));
    expect(isNewerVersion({ ...otherVersion, registeredAt: instant(0) }, version)).toBe(true);
  });
});

describe('credentials for an upload', () => {
  it('allow writes below the prefix of one delivery only, and end after ten minutes', () => {
    const target = { bucket: 'landing', key: 'arn:aws:kms:eu-west-2:1:key/k', region: 'eu-west-2' };
    const Condition = { DateLessThan: { 'aws:CurrentTime': instant(10) } };
    const policy = JSON.parse(uploadPolicy({ ...target, prefix: landingPrefix('p-1', id), end: instant(10) }));
    expect(policy.Statement[0]).toEqual({
      Effect: 'Allow',
      Action: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
      Resource: `arn:aws:s3:::landing/in/p-1/${id}/*`,
      Condition,
    });
    for (const statement of policy.Statement) expect(statement).toMatchObject({ Condition });
    expect(UPLOAD_SECONDS).toBe(600);
    expect(JSON.stringify(policy).length).toBeLessThan(2048);
  });

  it.each(['*', 'a/b', '${aws:username}', '?', '', '..'])('are refused to a partner called %j', partner => {
    expect(() => landingPrefix(partner, id)).toThrow();
  });
});
