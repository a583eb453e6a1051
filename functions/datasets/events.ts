import * as z from 'zod';
import { contract } from '../contract.ts';
import { ObjectRef, Sha256 } from '../identifiers.ts';
import { DatasetId } from '../ingest/schemas.ts';
import { ProjectId } from '../projects/schemas.ts';
import { UseId, UsePurpose } from './schemas.ts';

const use = z.object({ use: UseId, project: ProjectId, dataset: DatasetId, version: Sha256, at: z.iso.datetime() });
const person = { by: z.string(), byName: z.string() };

/** A data steward set or changed the rules of a dataset. */
export const DatasetGoverned = contract(
  'broch.datasets',
  'DatasetGoverned',
  z.object({ dataset: DatasetId, owner: z.string(), ownerName: z.string(), ...person, at: z.iso.datetime() }),
);

/** The owner withdrew a dataset: every use of it ends. */
export const DatasetWithdrawn = contract(
  'broch.datasets',
  'DatasetWithdrawn',
  z.object({ dataset: DatasetId, ...person, reason: z.string(), at: z.iso.datetime() }),
);

/** Access to the dataset changes for all projects that use it: it was suspended or resumed. */
export const DatasetSuspended = contract(
  'broch.datasets',
  'DatasetSuspended',
  z.object({ dataset: DatasetId, byName: z.string().optional(), reason: z.string(), at: z.iso.datetime() }),
);
export const DatasetResumed = contract(
  'broch.datasets',
  'DatasetResumed',
  z.object({ dataset: DatasetId, byName: z.string(), at: z.iso.datetime() }),
);

/** Nothing of a withdrawn dataset is left, and the receipt is signed. */
export const DatasetErased = contract(
  'broch.datasets',
  'DatasetErased',
  z.object({ dataset: DatasetId, receipt: ObjectRef, objects: z.number().int(), at: z.iso.datetime() }),
);

/** A project asks for a version of a dataset. */
export const UseRequested = contract(
  'broch.datasets',
  'UseRequested',
  use.extend({ purpose: UsePurpose, endsAt: z.iso.datetime(), owner: z.string(), ...person }),
);

/** The owner approved a use. The project's desktops can read the version or, with a recipe, soon the minimised version. */
export const UseApproved = contract(
  'broch.datasets',
  'UseApproved',
  use.extend({ endsAt: z.iso.datetime(), conditions: z.string(), recipe: Sha256.optional(), ...person }),
);

/** Broch made the minimised version of an approved use, and the project's desktops can read it. */
export const UseMinimised = contract(
  'broch.datasets',
  'UseMinimised',
  use.extend({ recipe: Sha256, minimised: Sha256 }),
);

/** The owner refused a use. */
export const UseRefused = contract('broch.datasets', 'UseRefused', use.extend({ reason: z.string(), ...person }));

/** An approved use ends in so many days. Whoever needs the version longer asks again. */
export const UseEnding = contract(
  'broch.datasets',
  'UseEnding',
  use.extend({ endsAt: z.iso.datetime(), days: z.number().int() }),
);

/** A use ended before its time: the project's desktops can no longer read the version. */
export const UseEnded = contract(
  'broch.datasets',
  'UseEnded',
  use.extend({ reason: z.string(), by: z.string().optional(), byName: z.string().optional() }),
);
