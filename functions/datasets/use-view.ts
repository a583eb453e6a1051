import type { DatasetVersion } from '../ingest/schemas.ts';
import { isOver } from './grants.ts';
import type { DatasetUse } from './schemas.ts';

/** A use as people see it: an approved use whose time is over has ended. */
export const viewUse = (use: DatasetUse, now: string): DatasetUse =>
  (use.status === 'approved' || use.status === 'requested') && isOver(use.endsAt, now)
    ? { ...use, status: 'ended', reason: 'Its time is over.', endedAt: use.endsAt }
    : use;

/** An approved use, with the newest version of its dataset if that is another one: it is offered, never swapped. */
export function offerNewerVersion(
  use: DatasetUse,
  newestVersions: readonly (Pick<DatasetVersion, 'dataset' | 'version'> | undefined)[],
): DatasetUse {
  if (use.status !== 'approved') return use;
  const newest = newestVersions.find(candidate => candidate?.dataset === use.dataset);
  return newest && newest.version !== use.version ? { ...use, newerVersion: newest.version } : use;
}
