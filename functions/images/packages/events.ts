import * as z from 'zod';
import { contract } from '../../contract.ts';
import { ProjectId } from '../../projects/schemas.ts';
import { PackageFormat, PackageName, PackageTier } from './schemas.ts';

const fact = z.object({
  tier: PackageTier,
  format: PackageFormat,
  name: PackageName,
  project: ProjectId,
  at: z.iso.datetime(),
  by: z.string(),
  reason: z.string().optional(),
});

export const PackageRequested = contract('broch.images', 'PackageRequested', fact);
export const PackageApproved = contract('broch.images', 'PackageApproved', fact);
export const PackageRefused = contract('broch.images', 'PackageRefused', fact);
export const PackageRevoked = contract('broch.images', 'PackageRevoked', fact);
/** Somebody set which packages a project may install. */
export const PackageTierSet = contract(
  'broch.images',
  'PackageTierSet',
  z.object({ project: ProjectId, tier: PackageTier, at: z.iso.datetime(), by: z.string() }),
);
