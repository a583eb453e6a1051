import * as z from 'zod';
import { typesOfFamilies } from '../data-tier.ts';
import { machineNames } from './estimate.ts';
import { isNodesKind, machineKindOf, type QueueKind } from './queue-kinds.ts';

/** The instance families that the tier of a project may use; undefined if all. */
export interface MachineRule {
  readonly tier: number;
  readonly families: readonly string[] | undefined;
}

/** The machine types of a queue that the tier may use. */
export const permitMachines = (kind: QueueKind, { families }: MachineRule): string[] =>
  families ? typesOfFamilies(machineNames(machineKindOf(kind)), families) : machineNames(machineKindOf(kind));

/** Why a queue has no machine type at all. */
export function explainMissingMachines(kind: QueueKind, rule: MachineRule): string {
  const names = permitMachines(kind, rule);
  const place = isNodesKind(kind) ? "Neither zone of the project's network offers one" : 'The region offers none';
  if (names.length > 0) return `${place} of the machine types of a ${kind} queue: ${names.join(', ')}.`;
  return `The machines of a ${kind} queue are ${machineNames(machineKindOf(kind)).join(', ')}, and projects of tier ${rule.tier} may use only the families ${rule.families?.join(', ')}. Ask your operator for another family (batch.families), then approve the queue again.`;
}

const Nodes = z.number().int().min(1).max(100).optional();
/** The most nodes of a job by tier. */
export const TierNodes = z.strictObject({ 1: Nodes, 2: Nodes, 3: Nodes });
type TierNodes = z.infer<typeof TierNodes>;
/** Of a tier that the configuration does not name. */
export const DEFAULT_NODES = 8;

export const nodesOfTier = (tier: number, nodes: TierNodes): number => nodes[tier as keyof TierNodes] ?? DEFAULT_NODES;

/** Why a queue with GPUs has no image to start its machines from. */
export const explainUnpublished = (project: string): string =>
  `No version of the image batch-gpu is published to ${project}, and machines with GPUs start from no other. An operator builds and publishes one (broch image build batch-gpu), and then approves the queue again.`;
