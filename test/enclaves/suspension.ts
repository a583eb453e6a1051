import type { ApiClient } from '../../bin/cli/call.ts';

export const suspend = (owner: ApiClient | undefined, dataset: string) =>
  owner?.ask('suspendDataset', { params: { dataset }, body: { reason: 'A consent is in doubt.' } }) as Promise<unknown>;

/** Broch refuses to resume a dataset that is not suspended. */
export const resumeIfSuspended = (owner: ApiClient | undefined, dataset: string) =>
  owner?.ask('resumeDataset', { params: { dataset } }).catch(() => undefined);
