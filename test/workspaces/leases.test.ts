import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AwakeHolder,
  type AwakeProject,
  type AwakeStack,
  acquireLease,
  asleep,
  planWaking,
  releaseLease,
} from '../../functions/awake/lease.ts';
import { Refused } from '../../functions/refused.ts';
import { sampleRuns } from '../trials.ts';

const holder = (id: string, use: AwakeHolder['use'] = 'workspace', hourlyMicros = 0) => ({ id, use, hourlyMicros });
const limits = { workspaces: 3 };
const take = (project: AwakeProject, ...holders: AwakeHolder[]) =>
  holders.reduce((next, lease) => acquireLease(next, lease, limits), project);

describe('a lease', () => {
  it('is one for each holder, however often it asks', () => {
    const project = take(asleep, holder('a'), holder('a'));
    expect(project.holders).toEqual([holder('a')]);
    expect(take(project, holder('a'))).toBe(project);
  });

  it('of the last holder ends the generation; giving it back again changes nothing', () => {
    const project = take(asleep, holder('a'), holder('b', 'job'));
    expect(project).toMatchObject({ generation: 1, services: expect.arrayContaining(['logs', 'ecr.api']) });
    const single = releaseLease(project, 'a');
    expect(single).toMatchObject({ generation: 1, holders: [holder('b', 'job')] });
    const end = releaseLease(single, 'b');
    expect(end).toEqual({ holders: [], generation: 2, services: [] });
    expect(releaseLease(end, 'b')).toBe(end);
  });

  it('has the way to the mirror of packages only if somebody installs from it', () => {
    expect(take(asleep, holder('a')).services).toEqual([]);
    const installing = take(asleep, holder('a'), { ...holder('b'), installs: true });
    expect(installing.services).toEqual(['codeartifact.api', 'codeartifact.repositories']);
    expect(releaseLease(releaseLease(installing, 'a'), 'b').services).toEqual([]);
  });

  it('is refused beyond the number of workspaces, and beyond the budget of an hour', () => {
    const full = take(asleep, holder('a'), holder('b'), holder('c'));
    expect(() => take(full, holder('d'))).toThrow(/3 workspaces run in this project/);
    expect(take(full, holder('d', 'job')).holders).toHaveLength(4);
    const budget = { workspaces: 100, hourlyMicros: 1_000_000 };
    const project = acquireLease(asleep, holder('a', 'workspace', 600_000), budget);
    expect(() => acquireLease(project, holder('b', 'workspace', 500_000), budget)).toThrow(
      /\$1\.10 an hour; its limit is \$1\.00/,
    );
  });
});

const stack = (state: AwakeStack['state'], services: string[] = []): AwakeStack => ({ state, services });

describe('waking', () => {
  const jobs = take(asleep, holder('a', 'job'));
  it.each([
    ['an earlier stack is being deleted', stack('busy'), stack('none'), 'wait'],
    ['an earlier stack is left', stack('complete'), stack('none'), 'clear'],
    ['an earlier stack could not be deleted', stack('wreck'), stack('none'), 'clear'],
    ['there is no stack', stack('none'), stack('none'), 'create'],
    ['somebody else creates it', stack('none'), stack('busy'), 'wait'],
    ['it failed', stack('none'), stack('wreck'), 'delete'],
    ['it has too few endpoints', stack('none'), stack('complete', ['logs']), 'update'],
    ['it has all endpoints', stack('none'), stack('complete', jobs.services as string[]), 'awake'],
  ])('if %s', (_, earlier, current, step) => expect(planWaking(jobs, earlier, current)).toBe(step));

  it('and sleeping at the same time never leave a holder without a stack, nor a stack without a holder', () => {
    // Each holder takes its lease and asks until its project is awake; calls of CloudFormation arrive in any order.
    const move = fc.record({
      id: fc.constantFrom('a', 'b', 'c'),
      start: fc.boolean(),
      delay: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), moves => {
        let project = asleep;
        let stacks = new Set<number>();
        let pending: { time: number; generation: number }[] = [];
        let creations = 0;
        const ask = () => {
          const state = (generation: number) => stack(stacks.has(generation) ? 'complete' : 'none');
          const step = planWaking(project, state(project.generation - 1), state(project.generation));
          if (step === 'clear') stacks.delete(project.generation - 1);
          if (step === 'create') {
            stacks = new Set([...stacks, project.generation]);
            creations += 1;
          }
          return step;
        };
        for (const [time, { id, start, delay }] of moves.entries()) {
          for (const call of pending) if (call.time <= time) stacks.delete(call.generation);
          pending = pending.filter(call => call.time > time);
          if (start) {
            project = take(project, holder(id));
            for (let tries = 0; ask() !== 'awake'; tries++) expect(tries).toBeLessThan(5);
          } else {
            const next = releaseLease(project, id);
            if (next.generation > project.generation)
              pending.push({ time: time + delay, generation: project.generation });
            project = next;
          }
          // A deletion of an earlier generation that arrives late does not touch this one.
          if (project.holders.length > 0) expect(stacks.has(project.generation)).toBe(true);
        }
        expect(creations).toBeLessThanOrEqual(project.generation);
      }),
      { numRuns: sampleRuns(200) },
    );
  });

  it('ten starts at the same time find one generation', () => {
    const course = { workspaces: 10 };
    const project = Array.from({ length: 10 }, (_, index) => holder(`ws-${index}`)).reduce(
      (next, lease) => acquireLease(next, lease, course),
      asleep,
    );
    expect(project).toMatchObject({ generation: 1 });
    expect(() => acquireLease(project, holder('one more'), course)).toThrow(Refused);
  });
});
