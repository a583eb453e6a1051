import { isNodesKind, type MachineKind, machineKindOf, type QueueKind } from './queue-kinds.ts';

/** A quota of the account: the vCPUs that machines of some families may have together. */
export interface VcpuQuota {
  readonly code: string;
  /** Its name in the Service Quotas console. */
  readonly name: string;
}

/** The quotas that machines count against, Spot first: https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html */
export const vcpuQuotas: Readonly<Record<MachineKind, readonly [spot: VcpuQuota, onDemand: VcpuQuota]>> = {
  cpu: [
    { code: 'L-34B43A08', name: 'All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests' },
    { code: 'L-1216C47A', name: 'Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances' },
  ],
  gpu: [
    { code: 'L-3819A6DF', name: 'All G and VT Spot Instance Requests' },
    { code: 'L-DB2E81BA', name: 'Running On-Demand G and VT instances' },
  ],
};

/** The quotas of a queue. Multi-node jobs run On-Demand only. */
export const quotasOf = (kind: QueueKind): readonly VcpuQuota[] =>
  vcpuQuotas[machineKindOf(kind)].slice(isNodesKind(kind) ? 1 : 0);

/** The smallest job of a queue: one machine, or two for a multi-node job. */
const smallestJobs = {
  single: { count: 1, text: 'smallest machine has' },
  nodes: { count: 2, text: 'two smallest machines have' },
};

/**
 * Why a queue could start no machine, or undefined if it can start at least its smallest. `values` are the vCPUs that each
 * quota of the kind allows; undefined for a quota that AWS does not list, which then refuses nothing.
 */
export function explainMissingQuota(
  kind: QueueKind,
  values: readonly (number | undefined)[],
  smallestVcpus: number,
): string | undefined {
  const { count, text } = smallestJobs[isNodesKind(kind) ? 'nodes' : 'single'];
  const neededVcpus = count * smallestVcpus;
  if (values.some(value => value === undefined || value >= neededVcpus)) return undefined;
  const names = quotasOf(kind).map(({ name, code }, index) => `"${name}" (${code}) is ${values[index]}`);
  return `The account may run no machine of a ${kind} queue: the quota ${names.join(', and ')}; the ${text} ${neededVcpus} vCPUs. Ask AWS for more in the Service Quotas console, then approve the queue again.`;
}
