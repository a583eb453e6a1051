import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { eventHandler } from '../handler.ts';
import { readRoles } from '../membership.ts';
import { MemberRemoved } from '../projects/events.ts';
import { terminateInstances } from './instances.ts';
import { leaseEnvironment, releaseWorkspace } from './leases.ts';
import { explainEndedMembership } from './reasons.ts';
import { changeWorkspace, readDesk, readWorkspace } from './store.ts';
import { decideWorkspace } from './workspaces.ts';

export const env = z.object({ ...leaseEnvironment, ENVIRONMENT: z.string() });
const values = env.parse(process.env);
const { TABLE_NAME } = values;

/**
 * Ends the workspaces of a person who was removed from a project, with the sessions that are open on them. An instance is
 * terminated before its workspace leaves the desk, so that a repeated event finds what an interrupted one left.
 */
export const handler = eventHandler(MemberRemoved, async ({ project, user, name }) => {
  // Somebody who was added again meanwhile keeps what they have.
  if ((await readRoles(TABLE_NAME, project, user)).length > 0) return;
  const reason = explainEndedMembership(name, project);
  for (const id of (await readDesk(TABLE_NAME, project, user))?.live ?? []) {
    const { attempt } = await readWorkspace(TABLE_NAME, project, id);
    await terminateInstances(id, attempt);
    const now = currentTime();
    const command = { do: 'recordEnd', reason } as const;
    await changeWorkspace(TABLE_NAME, project, id, state => decideWorkspace(state, command, now), now);
    await releaseWorkspace(values, project, id);
  }
});
