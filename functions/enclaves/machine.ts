import { Refused } from '../refused.ts';
import type { RunManifest } from './schemas.ts';

/** Instance types that can run enclaves, the smallest first. Half of their processors are whole cores for the enclave. */
const machineTypes = [
  { type: 'm6i.xlarge', vcpus: 4, memoryMiB: 16_384 },
  { type: 'm6i.2xlarge', vcpus: 8, memoryMiB: 32_768 },
  { type: 'm6i.4xlarge', vcpus: 16, memoryMiB: 65_536 },
  { type: 'm6i.8xlarge', vcpus: 32, memoryMiB: 131_072 },
  { type: 'm6i.16xlarge', vcpus: 64, memoryMiB: 262_144 },
] as const;

/** What the instance keeps for itself: a core, and memory for its system and for packed files on their way. */
const PARENT_VCPUS = 2;
const PARENT_MIB = 4096;
const MiB = 1024 * 1024;
/** Amazon's list price of these types for a processor and an hour, in millionths of a dollar, where no other is configured. */
const VCPU_MICROS = 48_000;

export interface EnclaveMachine {
  readonly type: string;
  /** By the list. */
  readonly hourlyMicros: number;
  /** Of the enclave. */
  readonly vcpus: number;
  readonly memoryMiB: number;
}

/** The instance for a run. Everything in an enclave lies in its memory: what the code may use, and all unpacked files. */
export function machineFor({ limits, artefact, inputs, outputs }: RunManifest): EnclaveMachine {
  const packed = [artefact, ...inputs].reduce((sum, { bytes }) => sum + bytes, 0);
  const memory = limits.memoryMiB + Math.ceil((packed + 2 * outputs.maxBytes) / MiB) + 512;
  const vcpus = 2 * Math.ceil(limits.vcpus / 2);
  const machine = machineTypes.find(
    type => type.vcpus >= vcpus + PARENT_VCPUS && type.memoryMiB - PARENT_MIB >= memory,
  );
  if (!machine)
    throw new Refused(
      'invalid',
      `No machine has ${vcpus} processors and ${memory} MiB for an enclave. Lower the limits, or the size of the packed files.`,
    );
  const hourlyMicros = machine.vcpus * VCPU_MICROS;
  return { type: machine.type, hourlyMicros, vcpus, memoryMiB: machine.memoryMiB - PARENT_MIB };
}
