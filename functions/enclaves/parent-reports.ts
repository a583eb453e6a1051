import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { ProjectNetwork } from '../projects/schemas.ts';
import { readObject } from '../storage/object-read.ts';
import { s3 } from '../storage/s3.ts';

/** What the instance beside an enclave reports, with the largest size of each. Nothing of it is trusted. */
const reportLimits = {
  heartbeat: 1024,
  attestation: 16 * 1024,
  result: 1024 * 1024,
  failure: 1024,
  outputs: 512 * 1024 * 1024,
} as const;
export type ParentReport = keyof typeof reportLimits;

/** When each report was written. */
export type ReportTimes = Partial<Record<ParentReport, number>>;

const isReport = (name: string): name is ParentReport => name in reportLimits;

/** Only that instance may write below this prefix: its `aws:userid` is the id of its role and its own. */
const reportPrefix = ({ instanceRole }: ProjectNetwork, instance: string) =>
  `agents/${instanceRole}:${instance}/enclave/`;

/** The reports of an instance. One that is too large counts as missing. */
export async function listReports(network: ProjectNetwork, instance: string): Promise<ReportTimes> {
  const Prefix = reportPrefix(network, instance);
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: network.bucket, Prefix }));
  return Object.fromEntries(
    Contents.flatMap(({ Key = '', Size = 0, LastModified }) => {
      const name = Key.slice(Prefix.length);
      return isReport(name) && Size <= reportLimits[name] ? [[name, LastModified?.getTime() ?? 0]] : [];
    }),
  );
}

/** A report that was listed. */
export const readParentReport = (network: ProjectNetwork, instance: string, name: ParentReport): Promise<Uint8Array> =>
  readObject({ bucket: network.bucket, key: `${reportPrefix(network, instance)}${name}` });
