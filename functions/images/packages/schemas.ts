import * as z from 'zod';
import { Tier } from '../../../disclosure/policy.ts';
import { PlainText } from '../../plain-text.ts';
import { ProjectId } from '../../projects/schemas.ts';

/** The kinds of package. CodeArtifact mirrors the first three; operators publish the others: docs/packages.md. */
export const PackageFormat = z.enum(['pypi', 'npm', 'maven', 'generic', 'cran']);
export type PackageFormat = z.infer<typeof PackageFormat>;

/** The formats that a mirror fetches by itself once a package is on the list. */
export const mirroredFormats = ['pypi', 'npm', 'maven'] as const satisfies readonly PackageFormat[];

export type MirroredFormat = (typeof mirroredFormats)[number];

export const PackageTier = Tier;
export type PackageTier = z.infer<typeof PackageTier>;
export const packageTiers: readonly PackageTier[] = [1, 2, 3];

/** A name as its registry writes it: `numpy`, `@types/node`, `org.apache.commons:commons-csv`. */
export const PackageName = z
  .string()
  .max(214)
  .regex(
    /^(@[a-z0-9][a-z0-9._~-]*\/|[A-Za-z0-9][A-Za-z0-9._-]*:)?[A-Za-z0-9][A-Za-z0-9._~-]*$/,
    'the name of a package',
  );

export const PackageReason = PlainText.min(1).max(1000);
const Person = z.object({ id: z.string().min(1), name: z.string().min(1) });
const Instant = z.iso.datetime();

const requestFields = {
  tier: PackageTier,
  format: PackageFormat,
  name: PackageName,
  /** The project whose member asked. */
  project: ProjectId,
  requestedBy: Person,
  requestedAt: Instant,
  explanation: z.string(),
};

/** A package on the list of a tier. All projects of that tier may install it once it is approved. */
export const ListedPackage = z.discriminatedUnion('status', [
  z.object({ status: z.literal('requested'), ...requestFields }),
  z.object({ status: z.literal('approved'), ...requestFields, approvedBy: Person, approvedAt: Instant }),
  z.object({
    status: z.literal('refused'),
    ...requestFields,
    refusedBy: Person,
    refusedAt: Instant,
    reason: z.string(),
  }),
  /** Taken back. Nobody can install it any more, in tiers without a list either, until somebody approves it again. */
  z.object({
    status: z.literal('revoked'),
    ...requestFields,
    approvedBy: Person,
    approvedAt: Instant,
    revokedBy: Person,
    revokedAt: Instant,
    reason: z.string(),
  }),
]);
export type ListedPackage = z.infer<typeof ListedPackage>;

/** How many packages of a project wait for a decision or are approved. */
export const ProjectPackages = z.object({ project: ProjectId, count: z.number().int().min(0) });
export type ProjectPackages = z.infer<typeof ProjectPackages>;

/** The tag of a project's role that names its tier; its policy lets it read the mirror of that tier only. */
export const PACKAGE_TIER_TAG = 'broch:packages';
