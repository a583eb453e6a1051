import * as z from 'zod';
import { memberGrants, PagingQuery, pageOf, type Route, staffGrants } from '../../http/route.ts';
import { ProjectId } from '../../projects/schemas.ts';
import { ProjectTier } from '../schemas.ts';
import { ListedPackage, PackageFormat, PackageName, PackageReason, PackageTier } from './schemas.ts';

const project = z.object({ project: ProjectId });
const place = z.object({
  tier: PackageTier.describe('the tier whose list it is on'),
  format: PackageFormat,
  name: PackageName,
});
const decision = { method: 'POST', capability: 'packages', status: 200, callers: staffGrants } as const;

export const packagesRoutes = {
  requestPackage: {
    method: 'POST',
    path: '/projects/{project}/packages',
    capability: 'packages',
    status: 202,
    cli: 'packages request',
    callers: memberGrants,
    summary: 'Ask that desktops of projects like yours may install a package',
    example: "packages request asthma --format pypi --name lifelines --explanation 'Survival models.'",
    params: project,
    body: place.omit({ tier: true }).extend({ explanation: PackageReason.describe('what the project needs it for') }),
    returns: ListedPackage,
  },
  listPackages: {
    method: 'GET',
    path: '/packages',
    capability: 'packages',
    status: 200,
    cli: 'packages list',
    callers: [...staffGrants, { group: 'researcher' }],
    summary: 'List the packages that people have asked for, and what was decided',
    example: 'packages list --tier 2',
    query: PagingQuery.extend({
      tier: z.enum(['1', '2', '3']).optional().describe('the list of this tier only'),
    }),
    returns: pageOf(ListedPackage),
  },
  approvePackage: {
    ...decision,
    path: '/packages/approve',
    cli: 'packages approve',
    summary: 'Let all desktops of a tier install a package that somebody else asked for',
    example: 'packages approve --tier 2 --format pypi --name lifelines',
    body: place,
    returns: ListedPackage,
  },
  refusePackage: {
    ...decision,
    path: '/packages/refuse',
    cli: 'packages refuse',
    summary: 'Refuse a package that somebody asked for',
    example: "packages refuse --tier 2 --format pypi --name lifelines --reason 'It sends data to its authors.'",
    body: place.extend({ reason: PackageReason.describe('why, for the record') }),
    returns: ListedPackage,
  },
  revokePackage: {
    ...decision,
    path: '/packages/revoke',
    cli: 'packages revoke',
    summary: 'Take an approved package back: no desktop of the tier can install it any more',
    example: "packages revoke --tier 2 --format pypi --name lifelines --reason 'Its latest release is malicious.'",
    body: place.extend({ reason: PackageReason.describe('why, for the record and for who asks for it again') }),
    returns: ListedPackage,
  },
  setPackageTier: {
    ...decision,
    method: 'PUT',
    path: '/projects/{project}/packages/tier',
    cli: 'packages tier',
    summary: 'Set whose list a project installs packages from; until then it is the list of tier 3',
    example: 'packages tier asthma --tier 2',
    params: project,
    body: z.object({ tier: PackageTier }),
    returns: ProjectTier,
  },
} as const satisfies Record<string, Route>;
