import type { DatasetGrant, DatasetTerms } from '../datasets/schemas.ts';
import type { DatasetVersion } from '../ingest/schemas.ts';
import { Refused } from '../refused.ts';
import type { RunManifest } from './schemas.ts';

/** The version, the rules and the grants that decide about an input. */
export interface InputRecords {
  readonly version: DatasetVersion | undefined;
  readonly terms: DatasetTerms | undefined;
  /** The grants of the project: the versions that it may read. */
  readonly grants: readonly DatasetGrant[];
}

/** Refuses an input whose dataset has no such version, or which the project may not use at this moment. */
export function requireGrantedInput(
  { dataset, version }: RunManifest['inputs'][number],
  { version: registeredVersion, terms, grants }: InputRecords,
  project: string,
  now: string,
): void {
  if (!registeredVersion)
    throw new Refused(
      'missing',
      `The dataset ${dataset} has no version ${version}. List its versions: broch dataset versions ${dataset}.`,
    );
  if (terms?.withdrawn) throw new Refused('conflict', `The dataset ${dataset} was withdrawn.`);
  if (terms?.suspended)
    throw new Refused(
      'conflict',
      `The dataset ${dataset} is suspended: ${terms.suspended.reason} Try again when its owner has resumed it.`,
    );
  const isGranted = grants.some(
    grant => grant.dataset === dataset && grant.version === version && Date.parse(grant.endsAt) > Date.parse(now),
  );
  if (!isGranted)
    throw new Refused(
      'forbidden',
      `${project} has no approved use of version ${version} of the dataset ${dataset}. A lead of the project can ask for it: broch dataset request ${project} --dataset ${dataset} --version ${version}.`,
    );
}
