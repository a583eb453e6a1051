import { outgoingEvent } from '../contract.ts';
import { type Decision, ignoreStaleStep, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import { deliveryIdentity } from './delivery-identity.ts';
import { DeliveryAccepted, DeliveryAwaiting, DeliveryExpired, DeliveryRejected, UnscannedAccepted } from './events.ts';
import type { Arrival, Delivery } from './schemas.ts';

interface Steward {
  readonly id: string;
  readonly name: string;
}

/** What the workflow and the data stewards say about a delivery whose files are correct. */
export type AcceptanceCommand =
  | { do: 'awaitApproval'; check: string; arrival: Arrival; endsAt: string }
  | { do: 'accept'; by: Steward }
  /** Starts the check `check` of the same upload, which does not wait for a result of the malware scan. */
  | { do: 'acceptUnscanned'; by: Steward; reason: string; check: string }
  | { do: 'reject'; by: Steward; reason: string }
  | { do: 'expire'; check: string };
type Awaiting = Extract<Delivery, { status: 'awaitingApproval' }>;

const subjectOf = ({ id, dataset, partner, partnerName }: Delivery) => ({
  delivery: id,
  dataset,
  partner,
  partnerName,
});

/** Decides whether a delivery without findings becomes a version. */
export function decideAcceptance(delivery: Delivery, command: AcceptanceCommand, now: string): Decision<Delivery> {
  switch (command.do) {
    case 'awaitApproval':
      return awaitApproval(delivery, command, now);
    case 'accept':
      return acceptDelivery(delivery, command.by, now);
    case 'acceptUnscanned':
      return acceptUnscanned(delivery, command, now);
    case 'reject':
      return rejectDelivery(delivery, command, now);
    case 'expire':
      return expireDelivery(delivery, command.check, now);
  }
}

function awaitApproval(
  delivery: Delivery,
  { check, arrival, endsAt }: Extract<AcceptanceCommand, { do: 'awaitApproval' }>,
  now: string,
): Decision<Delivery> {
  if (delivery.status === 'awaitingApproval' && delivery.check === check)
    return keepState(delivery, 'it waits already');
  if (delivery.status !== 'checking' || delivery.check !== check) return ignoreStaleStep(delivery);
  if (delivery.accepted) return keepState(delivery, 'it was accepted already');
  const { manifest, checkingSince, unscanned } = delivery;
  return {
    state: {
      ...deliveryIdentity(delivery),
      status: 'awaitingApproval',
      manifest,
      checkingSince,
      check,
      arrival,
      ...(unscanned && { unscanned }),
      awaitingSince: now,
      endsAt,
    },
    events: [outgoingEvent(DeliveryAwaiting, { ...subjectOf(delivery), endsAt, at: now })],
    reason: 'its files are correct, and its partner has no automatic acceptance',
  };
}

function requireAwaiting(delivery: Delivery, person: Steward): Awaiting {
  if (delivery.partner === person.id) throw new Refused('forbidden', 'Nobody decides about their own delivery.');
  if (delivery.status !== 'awaitingApproval')
    throw new Refused('conflict', `Delivery ${delivery.id} does not await approval: it is ${delivery.status}.`);
  return delivery;
}

function acceptDelivery(delivery: Delivery, person: Steward, now: string): Decision<Delivery> {
  // The answer of an earlier call may have been lost.
  if ((delivery.status === 'checking' || delivery.status === 'registered') && delivery.accepted?.by === person.id)
    return keepState(delivery, 'the same data steward accepted it before');
  const { manifest, checkingSince, check, unscanned } = requireAwaiting(delivery, person);
  const accepted = { by: person.id, byName: person.name, at: now };
  return {
    state: {
      ...deliveryIdentity(delivery),
      status: 'checking',
      manifest,
      checkingSince,
      check,
      accepted,
      ...(unscanned && { unscanned }),
    },
    events: [outgoingEvent(DeliveryAccepted, { ...subjectOf(delivery), ...accepted })],
    reason: 'a data steward accepted it',
  };
}

/** Malware that was found is never accepted, and neither is a delivery with any other finding. */
function acceptUnscanned(
  delivery: Delivery,
  { by: person, reason, check }: Extract<AcceptanceCommand, { do: 'acceptUnscanned' }>,
  now: string,
): Decision<Delivery> {
  if (
    (delivery.status === 'checking' || delivery.status === 'awaitingApproval' || delivery.status === 'registered') &&
    delivery.unscanned?.by === person.id
  )
    return keepState(delivery, 'the same data steward accepted it before');
  if (delivery.partner === person.id) throw new Refused('forbidden', 'Nobody decides about their own delivery.');
  if (delivery.status !== 'held' || !delivery.unscanned)
    throw new Refused(
      'conflict',
      `Delivery ${delivery.id} is not held, or is held for more than a malware scan without a result, so nobody can accept it. See broch delivery show.`,
    );
  const decision = { by: person.id, byName: person.name, reason, at: now };
  return {
    state: {
      ...deliveryIdentity(delivery),
      status: 'checking',
      manifest: delivery.unscanned.manifest,
      check,
      checkingSince: now,
      unscanned: { ...decision, manifestVersion: delivery.unscanned.manifestVersion },
    },
    events: [outgoingEvent(UnscannedAccepted, { ...subjectOf(delivery), ...decision })],
    reason: 'a data steward accepted it without a result of the malware scan',
  };
}

function rejectDelivery(
  delivery: Delivery,
  { by: person, reason }: Extract<AcceptanceCommand, { do: 'reject' }>,
  now: string,
): Decision<Delivery> {
  if (delivery.status === 'rejected' && delivery.rejectedBy === person.id)
    return keepState(delivery, 'the same data steward rejected it before');
  requireAwaiting(delivery, person);
  const decision = { by: person.id, byName: person.name, reason, at: now };
  return {
    state: {
      ...deliveryIdentity(delivery),
      status: 'rejected',
      rejectedBy: person.id,
      rejectedByName: person.name,
      reason,
      rejectedAt: now,
    },
    events: [outgoingEvent(DeliveryRejected, { ...subjectOf(delivery), ...decision })],
    reason: 'a data steward rejected it',
  };
}

function expireDelivery(delivery: Delivery, check: string, now: string): Decision<Delivery> {
  if (delivery.status !== 'awaitingApproval' || delivery.check !== check) return ignoreStaleStep(delivery);
  return {
    state: { ...deliveryIdentity(delivery), status: 'expired', expiredAt: now },
    events: [outgoingEvent(DeliveryExpired, { ...subjectOf(delivery), at: now })],
    reason: 'nobody decided in time',
  };
}
