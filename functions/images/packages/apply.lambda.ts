import {
  CodeartifactClient,
  CreatePackageGroupCommand,
  UpdatePackageGroupOriginConfigurationCommand,
} from '@aws-sdk/client-codeartifact';
import * as z from 'zod';
import { eventHandler } from '../../handler.ts';
import { PackageApproved } from './events.ts';
import { isMirrored, listSources, normaliseName, packagePattern } from './mirror.ts';
import { PackageTier } from './schemas.ts';
import { readApprovedTiers } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  /** The CodeArtifact domain. */
  DOMAIN: z.string(),
  /** The tiers whose desktops may install everything, as JSON. */
  OPEN_TIERS: z.string(),
});
const { TABLE_NAME, DOMAIN, OPEN_TIERS } = env.parse(process.env);
const openTiers = z.array(PackageTier).parse(JSON.parse(OPEN_TIERS));
const client = new CodeartifactClient({});

/**
 * Lets the mirror fetch a package for the tiers that approved it. It reads the lists again, so that of two events at once the
 * last writer sees the last decisions. Packages that no mirror fetches are published by operators: there is nothing to do.
 */
export const handler = eventHandler(PackageApproved, async ({ format, name }) => {
  if (!isMirrored(format)) return;
  const packageGroup = packagePattern(format, normaliseName(format, name));
  const repositories = listSources(format, await readApprovedTiers(TABLE_NAME, format, name), openTiers);
  try {
    await client.send(new CreatePackageGroupCommand({ domain: DOMAIN, packageGroup }));
  } catch (error) {
    // An earlier tier, or an earlier delivery of the event, has made it.
    if (!(error instanceof Error && error.name === 'ConflictException')) throw error;
  }
  await client.send(
    new UpdatePackageGroupOriginConfigurationCommand({
      domain: DOMAIN,
      packageGroup,
      restrictions: { EXTERNAL_UPSTREAM: 'ALLOW_SPECIFIC_REPOSITORIES', PUBLISH: 'BLOCK', INTERNAL_UPSTREAM: 'ALLOW' },
      addAllowedRepositories: repositories.map(repositoryName => ({
        repositoryName,
        originRestrictionType: 'EXTERNAL_UPSTREAM',
      })),
    }),
  );
});
