import * as z from 'zod';
import { Tier } from '../../disclosure/policy.ts';
import { ObjectRef, Sha256 } from '../identifiers.ts';
import { DatasetId, DatasetVersion } from '../ingest/schemas.ts';
import { ProjectId } from '../projects/schemas.ts';
import { MinimisationRecipe } from './recipe.ts';

/** Eleven hexadecimal digits of the time of the request and five random ones, so that ids sort by age. */
export const UseId = z.string().regex(/^du-[0-9a-f]{16}$/);

/** What a project may use a dataset for. */
export const UsePurpose = z.enum(['research', 'service-evaluation', 'clinical-audit', 'public-health', 'teaching']);
export type UsePurpose = z.infer<typeof UsePurpose>;

/** Of a dataset for which nobody set one: the tier that projects have by default. */
export const DEFAULT_TIER = 2;

/** The rules of a dataset: who owns it, and what it may be used for. Without them no project can be given the dataset. */
export const DatasetTerms = z.object({
  dataset: DatasetId,
  title: z.string().min(1).max(200),
  description: z.string().max(2000),
  /** The data steward who decides about the dataset for the data controller. */
  owner: z.string().min(1),
  ownerName: z.string().min(1),
  /** The data controller: the organisation that is responsible for the data. */
  controller: z.string().min(1).max(200),
  licence: z.string().min(1).max(200),
  purposes: z.array(UsePurpose).min(1),
  /** How sensitive the data are. A project of a lower tier gets them only with a recipe. */
  tier: Tier.default(DEFAULT_TIER),
  /** The longest time that a project may use it, in days from the request. */
  days: z.number().int().min(1).max(3650),
  /** The end of the retention: then the dataset is withdrawn and deleted. Without one it is kept. */
  retainUntil: z.iso.datetime().optional(),
  changedBy: z.string(),
  changedAt: z.iso.datetime(),
  /** Until it is resumed no project may use it. A suspension by the platform has no person. */
  suspended: z.object({ byName: z.string().optional(), reason: z.string(), at: z.iso.datetime() }).optional(),
  /** From then on no project may use it. */
  withdrawn: z.object({ by: z.string(), byName: z.string(), reason: z.string(), at: z.iso.datetime() }).optional(),
  /** Nothing of the withdrawn dataset is left. The receipt lists every object version that was deleted. */
  erased: z.object({ receipt: ObjectRef, objects: z.number().int(), at: z.iso.datetime() }).optional(),
});
export type DatasetTerms = z.infer<typeof DatasetTerms>;

const count = z.number().int().nonnegative();

/** The counts of one table: how many rows and cells were left out or changed, never which. */
export const TableCounts = z.object({
  path: z.string(),
  read: count,
  written: count,
  sampledOut: count,
  /** Rows with more or fewer cells than the header, which are left out. */
  malformed: count,
  /** The columns of the minimised table. `emptied` counts the cells that could not be changed as the recipe says. */
  columns: z.array(z.object({ name: z.string(), do: z.string(), emptied: count })),
  columnsLeftOut: count,
});
export type TableCounts = z.infer<typeof TableCounts>;

/** The minimised version of a use. No other project ever gets it. */
export const MinimisedVersion = z.object({
  version: Sha256,
  prefix: z.string(),
  files: count,
  bytes: count,
  /** Rows of all tables: of the delivered version, and of the minimised version. */
  rowsRead: count,
  rowsWritten: count,
  cellsEmptied: count,
  filesLeftOut: count,
  at: z.iso.datetime(),
});
export type MinimisedVersion = z.infer<typeof MinimisedVersion>;

const common = {
  id: UseId,
  project: ProjectId,
  dataset: DatasetId,
  version: Sha256,
  /** Where the version lies in the lake. */
  prefix: z.string(),
  purpose: UsePurpose,
  /** The end of the use. */
  endsAt: z.iso.datetime(),
  explanation: z.string(),
  /** With a recipe the project gets only the minimised version; without one, the delivered version. */
  recipe: MinimisationRecipe.optional(),
  /** The SHA-256 of the recipe, which the owner approves. */
  recipeDigest: Sha256.optional(),
  requestedBy: z.string(),
  requestedByName: z.string(),
  requestedAt: z.iso.datetime(),
};
const approval = {
  approvedBy: z.string(),
  approvedByName: z.string(),
  approvedAt: z.iso.datetime(),
  conditions: z.string(),
  minimised: MinimisedVersion.optional(),
  /** The last reminder of its end: so many days before. */
  remindedDays: z.number().int().optional(),
};
const end = { endedBy: z.string().optional(), endedByName: z.string().optional(), reason: z.string() };

/** A project's use of one version of a dataset: requested → approved → ended, or requested → refused or withdrawn. */
export const DatasetUse = z.discriminatedUnion('status', [
  z.object({ status: z.literal('requested'), ...common }),
  z.object({
    status: z.literal('approved'),
    ...common,
    ...approval,
    /** In the list of a project: the newest version of the dataset, if it is another one. The use never changes to it. */
    newerVersion: Sha256.optional(),
  }),
  z.object({
    status: z.literal('refused'),
    ...common,
    refusedBy: z.string(),
    refusedByName: z.string(),
    refusedAt: z.iso.datetime(),
    reason: z.string(),
  }),
  /** The project or the dataset's owner ended it, or the dataset was withdrawn. An expired use says so in its reason. */
  z.object({
    status: z.literal('ended'),
    ...common,
    approvedByName: z.string().optional(),
    approvedAt: z.iso.datetime().optional(),
    conditions: z.string().optional(),
    minimised: MinimisedVersion.optional(),
    ...end,
    endedAt: z.iso.datetime(),
  }),
]);
export type DatasetUse = z.infer<typeof DatasetUse>;
export type RequestedUse = Extract<DatasetUse, { status: 'requested' }>;
export type ApprovedUse = Extract<DatasetUse, { status: 'approved' }>;

/** One approved use, as far as the project's access depends on it. */
export const DatasetGrant = z.object({
  use: UseId,
  dataset: DatasetId,
  version: Sha256,
  prefix: z.string(),
  endsAt: z.iso.datetime(),
  /** How sensitive the dataset was at the approval. A minimised version has none: projects of every tier may read it. */
  tier: Tier.optional(),
});
export type DatasetGrant = z.infer<typeof DatasetGrant>;

/** Where desktops, jobs and enclave runs see a version, below `/data`. */
export const datasetFolder = ({ dataset, version }: { dataset: string; version: string }): string =>
  `${dataset}/${version.slice(0, 12)}`;

/** All that a project may read. One row, so that the access policy is built from one read. */
export const ProjectGrants = z.object({ project: ProjectId, grants: z.array(DatasetGrant) });
export type ProjectGrants = z.infer<typeof ProjectGrants>;

/** A dataset at a glance: its newest version and its rules, as far as there are any. */
export const DatasetOverview = z.object({
  dataset: DatasetId,
  newest: DatasetVersion.optional(),
  rules: DatasetTerms.optional(),
});

/** The input of a run that withdraws a dataset. */
export const Withdrawal = z.object({ dataset: DatasetId });

/** The input of a run that makes a minimised version. */
export const Minimisation = z.object({ project: ProjectId, use: UseId });
