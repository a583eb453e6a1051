import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { candidateNetworks, parsePool, splitNetwork } from './cidr.ts';
import { decideProject } from './projects.ts';
import { ProjectId } from './schemas.ts';
import { changeProject } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), POOL: z.string(), PREFIX: z.coerce.number() });
const { TABLE_NAME, POOL, PREFIX } = env.parse(process.env);
const pool = parsePool(POOL, PREFIX);

const Input = z.object({ project: ProjectId, attempt: z.number().int() });
type Outcome =
  | { status: 'leased'; cidr: string; subnets: [string, string] }
  | { status: 'refused'; reason: string }
  | { status: 'overtaken' };

/** Leases a block for the project: the one it holds, or the first free one in the project's own order of the pool. */
export const handler = stepHandler(Input, async ({ project: id, attempt }): Promise<Outcome> => {
  for (const cidr of candidateNetworks(pool, id)) {
    const now = currentTime();
    const { superseded: isStale, state } = await changeProject(
      TABLE_NAME,
      id,
      read => decideProject(read, { do: 'leaseBlock', attempt, cidr }, now),
      now,
      () => cidr,
    );
    if (isStale) return { status: 'overtaken' };
    const block = state.project.cidr;
    if (block !== undefined) return { status: 'leased', cidr: block, subnets: splitNetwork(block) };
  }
  return {
    status: 'refused',
    reason: `All ${pool.count} networks of the pool ${pool.cidr} are in use or in quarantine. Enlarge projects.pool, or try again when a quarantine ends.`,
  };
});
