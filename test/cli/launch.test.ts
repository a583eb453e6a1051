import { expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { ExitError } from '../../bin/cli/exit.ts';
import { askForCourse } from '../../bin/cli/launch.ts';

const names = Array.from({ length: 30 }, (_, index) => `person${index + 1}`);
const members = names.slice(0, 28).map(name => ({ user: `sub-${name}`, name, roles: ['researcher'] }));

/** An API that refuses every fifth person, in two pages of members, and counts the calls at the same moment. */
function createCourseApi() {
  const calls = { now: 0, most: 0, given: [] as string[] };
  const ask = async (route: string, { query, body }: { query?: { next?: string }; body?: { member: string } }) => {
    if (route === 'listMembers')
      return query?.next ? { items: members.slice(20) } : { items: members.slice(0, 20), next: 'page-2' };
    calls.now += 1;
    calls.most = Math.max(calls.most, calls.now);
    await new Promise(resolve => setTimeout(resolve, 2));
    calls.now -= 1;
    const { member = '' } = body ?? {};
    calls.given.push(member);
    if (Number(member.replace(/\D/g, '')) % 5 === 0) throw new ExitError('refused', 'The project is at its limit.');
    return { id: `ws-${member}`, status: 'requested' };
  };
  return { api: { ask } as unknown as ApiClient, calls };
}

it('a course asks for each person once, some at the same time, and a refusal is that person’s alone', async () => {
  const { api, calls } = createCourseApi();
  const progress: number[] = [];
  const course = { project: 'asthma', kind: 'desktop', size: 'small', names } as const;
  const entries = await askForCourse(api, course, count => progress.push(count));
  expect(entries.map(({ name }) => name)).toEqual(names);
  expect(new Set(calls.given).size).toBe(28);
  expect(calls.most).toBeGreaterThan(1);
  expect(calls.most).toBeLessThanOrEqual(8);
  expect(progress.at(-1)).toBe(30);
  const refusals = entries.filter(({ status }) => status === 'refused');
  expect(refusals.map(({ name }) => name)).toEqual([5, 10, 15, 20, 25, 29, 30].map(number => `person${number}`));
  expect(refusals.at(-1)?.reason).toBe('person30 is no member of asthma.');
});

it('a course ends at once if nobody is signed in', async () => {
  const api = { ask: async () => Promise.reject(new ExitError('unsigned', 'Sign in.')) } as unknown as ApiClient;
  const course = { project: 'asthma', kind: 'desktop', size: 'small', names } as const;
  await expect(askForCourse(api, course)).rejects.toThrow('Sign in.');
});
