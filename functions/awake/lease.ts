import * as z from 'zod';
import { Refused } from '../refused.ts';

/** What runs in a project. Each use needs other interface endpoints. */
const ProjectUse = z.enum(['workspace', 'job', 'enclave']);
type ProjectUse = z.infer<typeof ProjectUse>;

/**
 * The AWS services that each use reaches by interface endpoints, by the last part of their names. A workspace itself needs
 * none: its agent and its data use S3, which has an endpoint of the gateway kind.
 */
export const endpointServices: Readonly<Record<ProjectUse, readonly string[]>> = {
  workspace: [],
  job: ['batch', 'ecr.api', 'ecr.dkr', 'ecs', 'ecs-agent', 'ecs-telemetry', 'logs'],
  enclave: ['kms', 'logs'],
};
/** What a workspace reaches besides, if its project installs packages from the mirror. */
export const packageServices: readonly string[] = ['codeartifact.api', 'codeartifact.repositories'];
export const allEndpointServices: readonly string[] = [
  ...new Set([...Object.values(endpointServices).flat(), ...packageServices]),
].sort();

/** Something that runs, or is about to, and keeps its project awake. */
export const AwakeHolder = z.object({
  id: z.string().min(1),
  use: ProjectUse,
  /** What it costs in an hour, in millionths of a dollar; 0 if nobody said. */
  hourlyMicros: z.number().int().min(0),
  /** It installs packages from the mirror. */
  installs: z.boolean().optional(),
});
export type AwakeHolder = z.infer<typeof AwakeHolder>;

/**
 * What keeps a project awake. A generation is the time from the first holder to the last one; its stack has its number.
 * Once a generation is over, its number is never used again, so a late deletion cannot hit what somebody just woke.
 */
export const AwakeProject = z.object({
  holders: z.array(AwakeHolder),
  generation: z.number().int().min(1),
  /** The services whose endpoints this generation has. They only grow. */
  services: z.array(z.string()),
});
export type AwakeProject = z.infer<typeof AwakeProject>;

export const asleep: AwakeProject = { holders: [], generation: 1, services: [] };

export interface AwakeLimits {
  /** The most workspaces that may run in a project at the same time. */
  readonly workspaces: number;
  /** The most that everything that runs in a project may cost in an hour, in millionths of a dollar. */
  readonly hourlyMicros?: number | undefined;
}

const dollars = (micros: number) => `$${(micros / 1_000_000).toFixed(2)}`;

/** The project with a lease for the holder. A holder has one lease, however often it asks. */
export function acquireLease(project: AwakeProject, holder: AwakeHolder, limits: AwakeLimits): AwakeProject {
  const { holders, services } = project;
  if (holders.some(({ id }) => id === holder.id)) return project;
  const running = holders.filter(({ use }) => use === 'workspace').length;
  if (holder.use === 'workspace' && running >= limits.workspaces)
    throw new Refused(
      'conflict',
      `${running} workspaces run in this project, which is its limit. Start yours when another has stopped, or ask your operator for a higher limit (workspaces.perProject).`,
    );
  const sum = holders.reduce((total, { hourlyMicros }) => total + hourlyMicros, holder.hourlyMicros);
  if (limits.hourlyMicros !== undefined && sum > limits.hourlyMicros)
    throw new Refused(
      'conflict',
      `With ${dollars(holder.hourlyMicros)} an hour more, the project would cost ${dollars(sum)} an hour; its limit is ${dollars(limits.hourlyMicros)}. Choose a smaller size, start it when something else has stopped, or ask your operator for a higher limit (workspaces.hourlyBudget).`,
    );
  return {
    ...project,
    holders: [...holders, holder],
    services: [
      ...new Set([...services, ...endpointServices[holder.use], ...(holder.installs ? packageServices : [])]),
    ].sort(),
  };
}

/** The project without the lease. Without holders the next generation has begun, and nothing is left of this one. */
export function releaseLease(project: AwakeProject, id: string): AwakeProject {
  const holders = project.holders.filter(holder => holder.id !== id);
  if (holders.length === project.holders.length) return project;
  if (holders.length > 0) return { ...project, holders };
  return { holders: [], generation: project.generation + 1, services: [] };
}

/** A stack as far as waking is concerned. */
export interface AwakeStack {
  readonly state: 'none' | 'busy' | 'complete' | 'wreck';
  readonly services: readonly string[];
}

/** `create`, `update` and `delete` are about the stack of the current generation, `clear` about the one before. */
export type WakeStep = 'clear' | 'wait' | 'create' | 'update' | 'delete' | 'awake';

/** What brings the project nearer to being awake. Two endpoints of a service cannot exist at the same time. */
export function planWaking(project: AwakeProject, earlier: AwakeStack, current: AwakeStack): WakeStep {
  if (earlier.state === 'busy') return 'wait';
  if (earlier.state !== 'none') return 'clear';
  switch (current.state) {
    case 'none':
      return 'create';
    case 'busy':
      return 'wait';
    case 'wreck':
      return 'delete';
    case 'complete':
      return project.services.every(service => current.services.includes(service)) ? 'awake' : 'update';
  }
}
