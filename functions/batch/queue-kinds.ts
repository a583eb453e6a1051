import * as z from 'zod';

export const MachineKind = z.enum(['cpu', 'gpu']);
export type MachineKind = z.infer<typeof MachineKind>;
/** Multi-node jobs have queues of their own, because AWS Batch runs none on Spot machines. */
export const QueueKind = z.enum(['cpu', 'gpu', 'cpu-nodes', 'gpu-nodes']);
export type QueueKind = z.infer<typeof QueueKind>;

/** The machines of a queue. */
export const machineKindOf = (kind: QueueKind): MachineKind => (kind.startsWith('gpu') ? 'gpu' : 'cpu');
export const isNodesKind = (kind: QueueKind): boolean => kind.endsWith('-nodes');
/** The queue in which a job waits. */
export const queueKindOf = ({ kind, nodes = 1 }: { kind: MachineKind; nodes?: number | undefined }): QueueKind =>
  nodes > 1 ? `${kind}-nodes` : kind;
