import * as z from 'zod';
import { type Contract, contract } from '../contract.ts';
import { Finding, Sha256 } from '../identifiers.ts';
import { DatasetId, DeliveryId } from './schemas.ts';

const delivery = z.object({ delivery: DeliveryId, dataset: DatasetId, partner: z.string(), partnerName: z.string() });

/** The receipt: all files of a delivery are in the lake. `first` is true if they made a new version. */
export const DeliveryReceived = contract(
  'broch.ingest',
  'DeliveryReceived',
  delivery.extend({
    version: Sha256,
    files: z.number().int(),
    bytes: z.number().int(),
    first: z.boolean(),
    at: z.iso.datetime(),
  }),
);

/** A delivery is held. It has the first findings and the number of all; GET /deliveries/{delivery} returns more. */
export const DeliveryHeld = contract(
  'broch.ingest',
  'DeliveryHeld',
  delivery.extend({ findings: z.array(Finding).max(20), found: z.number().int(), at: z.iso.datetime() }),
);

/** The files of a delivery are correct, and it awaits the decision of a data steward until `endsAt`. */
export const DeliveryAwaiting = contract(
  'broch.ingest',
  'DeliveryAwaiting',
  delivery.extend({ endsAt: z.iso.datetime(), at: z.iso.datetime() }),
);

/** A data steward accepted a delivery: it becomes a version. */
export const DeliveryAccepted = contract(
  'broch.ingest',
  'DeliveryAccepted',
  delivery.extend({ by: z.string(), byName: z.string(), at: z.iso.datetime() }),
);

/** A data steward accepted files without a result of the malware scan. Everything else about them is checked next. */
export const UnscannedAccepted = contract(
  'broch.ingest',
  'UnscannedAccepted',
  delivery.extend({ by: z.string(), byName: z.string(), reason: z.string(), at: z.iso.datetime() }),
);

/** A data steward rejected a delivery, or its dataset was withdrawn. */
export const DeliveryRejected = contract(
  'broch.ingest',
  'DeliveryRejected',
  delivery.extend({ by: z.string(), byName: z.string(), reason: z.string(), at: z.iso.datetime() }),
);

/** Nobody decided about a delivery in time. */
export const DeliveryExpired = contract('broch.ingest', 'DeliveryExpired', delivery.extend({ at: z.iso.datetime() }));

/** A partner cancelled a delivery. */
export const DeliveryCancelled = contract(
  'broch.ingest',
  'DeliveryCancelled',
  delivery.extend({ at: z.iso.datetime() }),
);

/** The events after which the receipt of a delivery changes. */
export const deliveryOutcomes: readonly Contract<{ partner: string; delivery: string }>[] = [
  DeliveryReceived,
  DeliveryHeld,
  DeliveryAwaiting,
  DeliveryRejected,
  DeliveryExpired,
  DeliveryCancelled,
];

/** A dataset has a new version. */
export const DatasetRegistered = contract(
  'broch.ingest',
  'DatasetRegistered',
  z.object({
    dataset: DatasetId,
    version: Sha256,
    files: z.number().int(),
    bytes: z.number().int(),
    delivery: DeliveryId,
    prefix: z.string(),
    at: z.iso.datetime(),
  }),
);

/** The agreement of a data partner was registered or changed. */
export const PartnerRegistered = contract(
  'broch.ingest',
  'PartnerRegistered',
  z.object({
    partner: z.string(),
    partnerName: z.string(),
    agreement: z.string(),
    endsAt: z.iso.datetime(),
    by: z.string(),
    byName: z.string(),
    at: z.iso.datetime(),
  }),
);

/** The SSH keys of a data partner were replaced: these are the fingerprints of the new ones. */
export const PartnerKeysSet = contract(
  'broch.ingest',
  'PartnerKeysSet',
  z.object({
    partner: z.string(),
    partnerName: z.string(),
    fingerprints: z.array(z.string()),
    by: z.string(),
    byName: z.string(),
    at: z.iso.datetime(),
  }),
);

/** A delivery did not come in time. It is announced once for each due date. */
export const DeliveryOverdue = contract(
  'broch.ingest',
  'DeliveryOverdue',
  z.object({
    partner: z.string(),
    partnerName: z.string(),
    contact: z.string(),
    dataset: DatasetId,
    dueAt: z.iso.datetime(),
    at: z.iso.datetime(),
  }),
);
