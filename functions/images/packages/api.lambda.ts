import * as z from 'zod';
import { currentTime } from '../../clock.ts';
import { type Caller, http } from '../../http/http.ts';
import { outcomeStore } from '../../http/idempotency.ts';
import { rowKey } from '../../keys.ts';
import { hasProject, readMembership } from '../../membership.ts';
import { readGroups } from '../../people.ts';
import { Project } from '../../projects/schemas.ts';
import { Refused } from '../../refused.ts';
import { readRow } from '../../table.ts';
import type { PackageCommand } from './packages.ts';
import { packagesRoutes } from './routes.ts';
import { type ListedPackage, PackageTier } from './schemas.ts';
import { changePackage, type PackagePlace, pagePackages, readProjectTier, setProjectTier } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  POOL_ID: z.string(),
  /** The most packages that a project may have on the lists. */
  PER_PROJECT: z.coerce.number(),
});
const { TABLE_NAME, POOL_ID, PER_PROJECT } = env.parse(process.env);

const personOf = ({ id, name }: Caller) => ({ id, name });

async function decide(place: PackagePlace, command: PackageCommand): Promise<ListedPackage> {
  const { state } = await changePackage(TABLE_NAME, place, command, PER_PROJECT, currentTime());
  if (!state) throw new Error('a package that was just decided is missing');
  return state;
}

export const handler = http(
  packagesRoutes,
  'packages',
  {
    requestPackage: async ({ user, params: { project }, body: { format, name, explanation } }) => {
      const { tier } = await readProjectTier(TABLE_NAME, project);
      const request = { tier, format, name, project, explanation };
      return decide(request, { do: 'request', by: personOf(user), request });
    },
    listPackages: ({ query: { tier, ...paging } }) =>
      pagePackages(TABLE_NAME, tier === undefined ? undefined : PackageTier.parse(Number(tier)), paging),
    approvePackage: ({ user, body }) => decide(body, { do: 'approve', by: personOf(user) }),
    refusePackage: ({ user, body: { reason, ...place } }) =>
      decide(place, { do: 'refuse', by: personOf(user), reason }),
    revokePackage: ({ user, body: { reason, ...place } }) =>
      decide(place, { do: 'revoke', by: personOf(user), reason }),
    setPackageTier: async ({ user, params: { project: id }, body: { tier } }) => {
      const project = await readRow(TABLE_NAME, Project, rowKey('project', id));
      if (project?.status !== 'ready') throw new Refused('conflict', `The project ${id} is not ready.`);
      return setProjectTier(TABLE_NAME, { project: id, tier }, personOf(user), currentTime());
    },
  },
  {
    membership: (project, user) => readMembership(TABLE_NAME, project, user),
    hasProject: project => hasProject(TABLE_NAME, project),
    groups: person => readGroups(POOL_ID, person),
    once: outcomeStore(TABLE_NAME),
  },
);
