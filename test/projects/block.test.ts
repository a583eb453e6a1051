import fc from 'fast-check';
import { expect, it } from 'vitest';
import { leaseBlock, mayLeaseBlock, type NetworkBlock, returnBlock } from '../../functions/projects/block.ts';
import { candidateNetworks, parsePool } from '../../functions/projects/cidr.ts';
import { sampleRuns } from '../trials.ts';
import { networksOverlap } from './networks.ts';

const pool = parsePool('10.0.0.0/22', 24);
const day = 24 * 3600 * 1000;
const instant = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();

it('a free block can be leased by any project, a leased block by none', () => {
  expect(mayLeaseBlock(undefined, 'asthma', instant(0))).toBe(true);
  const block = leaseBlock('10.0.0.0/24', 'asthma', instant(0));
  expect(mayLeaseBlock(block, 'asthma', instant(day))).toBe(false);
  expect(mayLeaseBlock(block, 'stroke', instant(day))).toBe(false);
});

it('a block in quarantine can be leased by its last project at once, and by others after the quarantine', () => {
  const resting = returnBlock(leaseBlock('10.0.0.0/24', 'asthma', instant(0)), 'asthma', instant(7 * day));
  expect(mayLeaseBlock(resting, 'asthma', instant(1))).toBe(true);
  expect(mayLeaseBlock(resting, 'stroke', instant(7 * day - 1))).toBe(false);
  expect(mayLeaseBlock(resting, 'stroke', instant(7 * day))).toBe(true);
});

it('only the project that holds a block returns it, and only once', () => {
  const block = leaseBlock('10.0.0.0/24', 'asthma', instant(0));
  expect(returnBlock(block, 'stroke', instant(day))).toBeUndefined();
  expect(returnBlock(undefined, 'asthma', instant(day))).toBeUndefined();
  expect(returnBlock(returnBlock(block, 'asthma', instant(day)), 'asthma', instant(day))).toBeUndefined();
});

/**
 * Leases and returns as steps that read, think and write: any number may be under way at once and go on in any order. A
 * write is conditional on the revisions that were read, as in the table.
 */
type Row<T> = T & { revision: number };
interface Project {
  cidr?: string | undefined;
}
interface World {
  blocks: Map<string, Row<NetworkBlock>>;
  projects: Map<string, Row<Project>>;
}
function* leasing(world: World, id: string, now: () => string): Generator<void> {
  let project = { ...(world.projects.get(id) ?? { revision: 0 }) };
  for (const cidr of candidateNetworks(pool, id)) {
    if (project.cidr !== undefined) return;
    yield;
    const read = world.blocks.get(cidr);
    const started = now();
    yield;
    if (!mayLeaseBlock(read, id, started)) continue;
    yield;
    if (write(world, id, project, { cidr }, cidr, read, leaseBlock(cidr, id, started))) return;
    yield;
    project = { ...(world.projects.get(id) ?? { revision: 0 }) };
  }
}
function* returning(world: World, id: string, now: () => string): Generator<void> {
  const project = { ...(world.projects.get(id) ?? { revision: 0 }) };
  yield;
  if (project.cidr === undefined) return;
  const read = world.blocks.get(project.cidr);
  yield;
  const rests = returnBlock(read, id, instant(Date.parse(now()) - Date.UTC(2026, 0, 1) + 7 * day));
  if (rests) write(world, id, project, {}, project.cidr, read, rests);
}
function write(
  world: World,
  id: string,
  project: Row<Project>,
  next: Project,
  cidr: string,
  read: Row<NetworkBlock> | undefined,
  block: NetworkBlock,
): boolean {
  if ((world.projects.get(id)?.revision ?? 0) !== project.revision) return false;
  if (world.blocks.get(cidr)?.revision !== read?.revision) return false;
  world.projects.set(id, { ...next, revision: project.revision + 1 });
  world.blocks.set(cidr, { ...block, revision: (read?.revision ?? 0) + 1 });
  return true;
}

it('no two projects ever hold the same block and none holds two, however their steps interleave', () => {
  const ids = ['asthma', 'stroke', 'cancer', 'sepsis', 'dementia'];
  const step = fc.oneof(
    fc.record({ do: fc.constant('start' as const), lease: fc.boolean(), who: fc.constantFrom(...ids) }),
    fc.record({ do: fc.constant('go' as const), which: fc.nat({ max: 30 }) }),
    fc.record({ do: fc.constant('wait' as const), days: fc.integer({ min: 0, max: 8 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 150 }), steps => {
      const world: World = { blocks: new Map(), projects: new Map() };
      const running: Generator<void>[] = [];
      let clock = 0;
      const now = () => instant(clock);
      for (const next of steps) {
        if (next.do === 'wait') clock += next.days * day;
        else if (next.do === 'start') running.push((next.lease ? leasing : returning)(world, next.who, now));
        else if (running.length > 0) running[next.which % running.length]?.next();
        const heldBlocks = [...world.projects].flatMap(([id, { cidr }]) =>
          cidr === undefined ? [] : [[id, cidr] as const],
        );
        const leased = [...world.blocks.values()].filter(({ status }) => status === 'leased');
        expect(leased.map(({ cidr, project }) => `${project} ${cidr}`).sort()).toEqual(
          heldBlocks.map(([id, cidr]) => `${id} ${cidr}`).sort(),
        );
        for (const [id, cidr] of heldBlocks)
          for (const [otherProject, otherBlock] of heldBlocks)
            if (id !== otherProject) expect(networksOverlap(cidr, otherBlock)).toBe(false);
      }
    }),
    { numRuns: sampleRuns(300) },
  );
});
