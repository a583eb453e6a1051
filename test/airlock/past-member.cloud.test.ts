import { beforeAll, expect, it } from 'vitest';
import type { Membership } from '../../functions/membership.ts';
import { memberKey } from '../../functions/membership.ts';
import { openTestTable } from '../workspaces/harness.ts';
import { airlockScene, enrolTestUser, type TestUser } from './harness.ts';

const { cloud, project, submit, settle, vote } = airlockScene('airlock-past-member');
let reviewer: TestUser;
let params: { project: string; request: string };
beforeAll(async () => {
  reviewer = await enrolTestUser(cloud, 'past-member-reviewer', 'reviewer');
  ({ params } = await submit({ 'a.csv': 'group,n\na,20\nb,30\n' }));
  await settle(params, ['inReview']);
});

/** Leaves the membership of a reviewer who was removed from the project at this time. */
async function removeMember(time: string): Promise<void> {
  const change = { roles: [], by: 'olga', byName: 'olga' };
  const membership: Membership = {
    user: reviewer.id,
    name: reviewer.name,
    roles: [],
    since: '2026-01-01T00:00:00.000Z',
    changes: [
      { ...change, change: 'added', roles: ['researcher'], at: '2026-01-01T00:00:00.000Z' },
      { ...change, change: 'removed', at: time },
    ],
  };
  await (await openTestTable(cloud)).put(memberKey(project, reviewer.id), membership);
}

it('a reviewer who left the project after the request was opened cannot vote; one who left before can', async () => {
  await removeMember(new Date().toISOString());
  await expect(vote(reviewer, params, 'approve')).rejects.toThrow('You were a member of airlock-past-member');
  await removeMember('2026-01-02T00:00:00.000Z');
  expect(await vote(reviewer, params, 'approve')).toMatchObject({ status: 'inReview' });
});
