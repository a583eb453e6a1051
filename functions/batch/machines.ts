import { typesOfFamilies } from '../data-tier.ts';
import { machineNames } from './estimate.ts';
import type { QueueKind } from './schemas.ts';

/** The instance families that the tier of a project may use; undefined if all. */
export interface MachineRule {
  readonly tier: number;
  readonly families: readonly string[] | undefined;
}

/** The machine types of a queue that the tier may use. */
export const permitMachines = (kind: QueueKind, { families }: MachineRule): string[] =>
  families ? typesOfFamilies(machineNames(kind), families) : machineNames(kind);

/** Why a queue has no machine type at all. */
export function explainMissingMachines(kind: QueueKind, rule: MachineRule): string {
  const names = permitMachines(kind, rule);
  if (names.length > 0) return `The region offers none of the machine types of a ${kind} queue: ${names.join(', ')}.`;
  return `The machines of a ${kind} queue are ${machineNames(kind).join(', ')}, and projects of tier ${rule.tier} may use only the families ${rule.families?.join(', ')}. Ask your operator for another family (batch.families), then approve the queue again.`;
}
