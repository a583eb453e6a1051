import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { leaseBlock, mayLeaseBlock } from './block.ts';
import { candidateNetworks, parsePool, splitNetwork } from './cidr.ts';
import { isCurrentAttempt } from './projects.ts';
import { ProjectId } from './schemas.ts';
import { readBlock, readProject, saveProjectAndBlock } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), POOL: z.string(), PREFIX: z.coerce.number() });
const { TABLE_NAME, POOL, PREFIX } = env.parse(process.env);
const pool = parsePool(POOL, PREFIX);

const Input = z.object({ project: ProjectId, attempt: z.number().int() });
type Outcome =
  | { status: 'leased'; cidr: string; subnets: [string, string] }
  | { status: 'refused'; reason: string }
  | { status: 'overtaken' };

/** Takes a block for the project: the one it has, or the first free one in its own order of the pool. */
export const handler = stepHandler(Input, async ({ project: id, attempt }): Promise<Outcome> => {
  const leased = (cidr: string): Outcome => ({ status: 'leased', cidr, subnets: splitNetwork(cidr) });
  let project = await readProject(TABLE_NAME, id);
  let raced = false;
  for (const cidr of candidateNetworks(pool, id)) {
    if (!project || !isCurrentAttempt(project, attempt)) return { status: 'overtaken' };
    if (project.cidr !== undefined) return leased(project.cidr);
    const at = currentTime();
    const read = await readBlock(TABLE_NAME, cidr);
    if (!mayLeaseBlock(read, id, at)) continue;
    const next = { ...project, cidr };
    if (await saveProjectAndBlock(TABLE_NAME, { read: project, next }, { read, next: leaseBlock(cidr, id, at) }))
      return leased(cidr);
    // Somebody was faster: another project with the block, or another call with this project.
    raced = true;
    project = await readProject(TABLE_NAME, id);
  }
  if (raced) throw new Error(`every free block was taken while project ${id} asked for it`);
  return {
    status: 'refused',
    reason: `All ${pool.count} networks of the pool ${pool.cidr} are in use or resting. Give projects.pool more room, or try again when one has rested.`,
  };
});
