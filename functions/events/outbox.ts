import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { OutgoingEvent } from '../contract.ts';
import { type Partition, partitions, type RowKey } from '../keys.ts';

/** The prefix of the sort keys of events that wait for publication. */
export const OUTBOX_PREFIX = 'OUTBOX#';

/** The events of one change, in order. */
export const OutboxRow = z.object({ pk: z.string(), sk: z.string(), events: z.array(OutgoingEvent) });

/** Long enough for an operator to send events again after a fault that stayed unnoticed for some time. */
const RETENTION_SECONDS = 30 * 24 * 3600;

/**
 * The events of a change as a row of the partition `pk`, to be written in the transaction of the change: both are stored
 * or neither. The publisher sends them from the table's stream. Nothing else publishes. `now` is ISO 8601.
 */
export const outboxRow = (pk: string, events: readonly OutgoingEvent[], now: string) => ({
  key: { pk, sk: `${OUTBOX_PREFIX}${now}#${randomUUID()}` } satisfies RowKey,
  read: undefined,
  item: { events, ttl: Math.floor(Date.parse(now) / 1000) + RETENTION_SECONDS },
});

interface Publication {
  readonly source: string;
  readonly types: readonly string[];
}

/** What each partition may publish: every type of event from one partition only. Others publish nothing. */
const publications: Partial<Record<Partition, Publication>> = {
  project: {
    source: 'broch.projects',
    types: ['ProjectReady', 'ProjectFailed', 'MemberAdded', 'MemberRoleChanged', 'MemberRemoved'],
  },
  partner: {
    source: 'broch.ingest',
    types: [
      'DeliveryReceived',
      'DeliveryHeld',
      'DeliveryAwaiting',
      'DeliveryAccepted',
      'UnscannedAccepted',
      'DeliveryRejected',
      'DeliveryExpired',
      'DeliveryCancelled',
      'DatasetRegistered',
    ],
  },
  partners: { source: 'broch.ingest', types: ['PartnerRegistered', 'PartnerKeysSet', 'DeliveryOverdue'] },
  terms: {
    source: 'broch.datasets',
    types: ['DatasetGoverned', 'DatasetWithdrawn', 'DatasetSuspended', 'DatasetResumed', 'DatasetErased'],
  },
  use: {
    source: 'broch.datasets',
    types: ['UseRequested', 'UseApproved', 'UseMinimised', 'UseRefused', 'UseEnding', 'UseEnded'],
  },
  enclave: {
    source: 'broch.enclaves',
    types: [
      'RunProposed',
      'RunApproved',
      'RunAuthorised',
      'RunRefused',
      'RunLapsed',
      'RunAttested',
      'RunCompleted',
      'RunFailed',
    ],
  },
  image: {
    source: 'broch.images',
    types: [
      'ImageBuildStarted',
      'ImageFailed',
      'ImageRejected',
      'ImageApprovalOpened',
      'ImageApprovalVoided',
      'ImageApproved',
      'ImagePublished',
      'ImageRolledBack',
      'ImagePinned',
      'ImageUnpinned',
      'ImageDeprecated',
      'ImageRetired',
    ],
  },
  workspace: {
    source: 'broch.workspaces',
    types: [
      'WorkspaceReady',
      'WorkspaceFailed',
      'WorkspaceStopped',
      'WorkspaceHibernated',
      'WorkspaceArchived',
      'WorkspaceDeleted',
      'WorkspaceUnused',
    ],
  },
  packages: {
    source: 'broch.images',
    types: ['PackageRequested', 'PackageApproved', 'PackageRefused', 'PackageRevoked', 'PackageTierSet'],
  },
  queue: {
    source: 'broch.batch',
    types: ['QueueRequested', 'QueueApproved', 'QueueOpened', 'QueueFailed', 'QueueClosed'],
  },
  job: { source: 'broch.batch', types: ['JobSubmitted', 'JobStopped', 'JobEnded'] },
  container: { source: 'broch.batch', types: ['ContainerRequested', 'ContainerApproved', 'ContainerWithdrawn'] },
  reports: { source: 'broch.costs', types: ['CostReported', 'CostReportFailed'] },
  airlock: {
    source: 'broch.airlock',
    types: [
      'RequestOpened',
      'RequestEdited',
      'RequestSubmitted',
      'RequestSubmissionRejected',
      'VolumeHigh',
      'VolumeExceeded',
      'RequestSealed',
      'RequestBlocked',
      'ReviewOpened',
      'VoteCast',
      'VoteDropped',
      'ReviewConflicted',
      'ReviewReminded',
      'ReviewEscalated',
      'QuorumUnreachable',
      'ReviewReissued',
      'RequestReturned',
      'RequestApproved',
      'RequestRejected',
      'RequestWithdrawn',
      'RequestTimedOut',
      'RequestResumed',
      'ReleaseStarted',
      'ReleaseStopped',
      'RequestReleased',
      'RequestRevoked',
      'RequestExpired',
      'ContentDeleted',
    ],
  },
  // The functions that open files can write here and nowhere else, so they can report accesses only.
  look: {
    source: 'broch.airlock',
    types: ['FileViewed', 'DownloadOpened', 'DownloadTaken', 'DownloadPaged', 'DownloadMoved'],
  },
};

/**
 * Whether this event may be published from this partition. A function's role limits the partitions that it can write, so
 * no function can publish in the name of another capability, or report what only another function does.
 */
export const mayPublish = (pk: string, { source, type }: Pick<OutgoingEvent, 'source' | 'type'>): boolean =>
  Object.entries(publications).some(
    ([partition, publication]) =>
      publication.source === source &&
      publication.types.includes(type) &&
      pk.startsWith(partitions[partition as Partition]),
  );
