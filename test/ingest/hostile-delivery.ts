import type { DataContract } from '../../functions/ingest/contract-schemas.ts';
import type { ManifestName } from '../../functions/ingest/schemas.ts';
import type { DeliveryFiles } from './delivery.ts';

/** A delivery that must be held, and what its findings must say; `undefined` if it must pass. */
export interface HostileDelivery {
  readonly name: string;
  readonly files: DeliveryFiles;
  readonly manifest?: ManifestName;
  readonly contract?: DataContract;
  /** The malware scan is played too. Without it the files are as after an acceptance by a data steward. */
  readonly scan?: true;
  readonly finding: RegExp | undefined;
}
