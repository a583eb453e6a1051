import {
  CodeartifactClient,
  CreatePackageGroupCommand,
  DeletePackageCommand,
  ListAllowedRepositoriesForGroupCommand,
  UpdatePackageGroupOriginConfigurationCommand,
} from '@aws-sdk/client-codeartifact';
import * as z from 'zod';
import { eventHandler } from '../../handler.ts';
import { PackageApproved, PackageRevoked } from './events.ts';
import {
  isMirrored,
  listTiers,
  type MirroredPackage,
  packagePattern,
  sourceRepository,
  tierRepository,
  toMirrored,
} from './mirror.ts';
import { type MirroredFormat, PackageTier } from './schemas.ts';
import { readStatuses } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  /** The CodeArtifact domain. */
  DOMAIN: z.string(),
  /** The tiers whose desktops may install everything, as JSON. */
  OPEN_TIERS: z.string(),
});
const { TABLE_NAME, DOMAIN: domain, OPEN_TIERS } = env.parse(process.env);
const openTiers = z.array(PackageTier).parse(JSON.parse(OPEN_TIERS));
const client = new CodeartifactClient({});

/** A call whose outcome an earlier tier, or an earlier delivery of the event, has brought about. */
async function orDone(call: Promise<unknown>, errorName: string): Promise<void> {
  await call.catch(error => {
    if (!(error instanceof Error && error.name === errorName)) throw error;
  });
}

/** Lets exactly these tiers fetch new versions of the package. */
async function allowTiers(mirrored: MirroredPackage, tiers: readonly PackageTier[]): Promise<void> {
  const group = { domain, packageGroup: packagePattern(mirrored) };
  const originRestrictionType = 'EXTERNAL_UPSTREAM';
  await orDone(client.send(new CreatePackageGroupCommand(group)), 'ConflictException');
  const { allowedRepositories = [] } = await client.send(
    new ListAllowedRepositoriesForGroupCommand({ ...group, originRestrictionType }),
  );
  const repositories = tiers.map(tier => sourceRepository(mirrored.format, tier));
  const toAllowed = (names: readonly string[]) =>
    names.map(repositoryName => ({ repositoryName, originRestrictionType }) as const);
  const additions = toAllowed(repositories.filter(name => !allowedRepositories.includes(name)));
  const removals = toAllowed(allowedRepositories.filter(name => !repositories.includes(name)));
  await client.send(
    new UpdatePackageGroupOriginConfigurationCommand({
      ...group,
      restrictions: { EXTERNAL_UPSTREAM: 'ALLOW_SPECIFIC_REPOSITORIES', PUBLISH: 'BLOCK', INTERNAL_UPSTREAM: 'ALLOW' },
      ...(additions.length > 0 && { addAllowedRepositories: additions }),
      ...(removals.length > 0 && { removeAllowedRepositories: removals }),
    }),
  );
}

/** What a tier has fetched stays there, whatever its group says. First where it came from, so that it does not come again. */
async function deleteFetched(mirrored: MirroredPackage, tier: PackageTier): Promise<void> {
  for (const repository of [sourceRepository(mirrored.format, tier), tierRepository(tier)])
    await orDone(
      client.send(new DeletePackageCommand({ domain, repository, ...mirrored })),
      'ResourceNotFoundException',
    );
}

async function applyLists(format: MirroredFormat, name: string): Promise<void> {
  const mirrored = toMirrored(format, name);
  const statuses = await readStatuses(TABLE_NAME, format, name);
  await allowTiers(mirrored, listTiers(statuses, openTiers));
  for (const [tier, status] of statuses) if (status === 'revoked') await deleteFetched(mirrored, tier);
  // Of two events at once, the later writer may have read the lists first.
  const latest = await readStatuses(TABLE_NAME, format, name);
  if ([...latest].some(([tier, status]) => statuses.get(tier) !== status)) await applyLists(format, name);
}

/**
 * Lets the mirror fetch a package for the tiers that approved it, and takes it out of those that took it back. Packages that
 * no mirror fetches are published by operators: there is nothing to do.
 */
export const handler = eventHandler([PackageApproved, PackageRevoked], async ({ format, name }) => {
  if (isMirrored(format)) await applyLists(format, name);
});
