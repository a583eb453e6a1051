import type { DatasetGrant } from './schemas.ts';

/** AWS limits the policy of an access point to 20 KB. Usually it has room for as many versions. */
export const MAX_GRANTS = 20;

/** Whether the policy of the project's access point has room for these grants. */
export type RoomCheck = (grants: readonly DatasetGrant[]) => boolean;

export const isOver = (endsAt: string, now: string): boolean => Date.parse(endsAt) <= Date.parse(now);

/** Grants that still hold. The access policy ends each by its date, so an expired one only has to be forgotten. */
export const currentGrants = (grants: readonly DatasetGrant[], now: string): readonly DatasetGrant[] =>
  grants.filter(({ endsAt }) => !isOver(endsAt, now));

export const grantOf = ({
  id,
  dataset,
  version,
  prefix,
  endsAt,
}: Omit<DatasetGrant, 'use'> & { readonly id: string }): DatasetGrant => ({
  use: id,
  dataset,
  version,
  prefix,
  endsAt,
});

/** Why the project cannot be given one more version; undefined if it can. */
export function findLimit(
  project: string,
  grants: readonly DatasetGrant[],
  grant: DatasetGrant,
  hasRoom: RoomCheck,
): string | undefined {
  if (grants.length >= MAX_GRANTS)
    return `The project ${project} uses ${MAX_GRANTS} versions of datasets, which is the limit. End one of them first.`;
  if (hasRoom([...grants, grant])) return undefined;
  return `The versions that the project ${project} uses take all the room in the policy of its access point, which AWS limits to 20 KB. End one of its uses first, or ask for a use that ends at the same time as another one: together these take less room.`;
}
