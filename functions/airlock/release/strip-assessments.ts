import { RO_CRATE_CONTEXT } from './crate.ts';

/** schema.org's AssessAction and its subtypes. Only the environment may state that something was assessed. */
const assessments = new Set(
  'AssessAction ChooseAction VoteAction IgnoreAction ReactAction AgreeAction DisagreeAction DislikeAction EndorseAction LikeAction WantAction ReviewAction'.split(
    ' ',
  ),
);

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
const last = (name: string) =>
  name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('#'), name.lastIndexOf(':')) + 1);
const iriOf = (value: unknown) =>
  typeof value === 'string' ? value : String((value as Record<string, unknown> | null)?.['@id'] ?? '');

function assesses(value: Record<string, unknown>): boolean {
  // The profile's own examples also use `type`.
  const types = [...listOf(value['@type']), ...listOf(value.type)].map(iriOf);
  const additionalTypes = listOf(value.additionalType).map(iriOf);
  return (
    types.some(type => assessments.has(last(type))) ||
    additionalTypes.some(type => /w3id\.org\/shp(#|\/|$)|^shp:/.test(type))
  );
}

/**
 * Removes all assessments, and all references to them, from a requester's RO-Crate metadata, as the profile demands.
 * Replaces its context with the standard one, because another context could rename an assessment.
 */
export function stripAssessments(metadata: unknown): { metadata: unknown; removed: number } {
  const removedIds = new Set<string>();
  let count = 0;
  const find = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) find(item);
    else if (value !== null && typeof value === 'object') {
      const entity = value as Record<string, unknown>;
      if (assesses(entity)) {
        count += 1;
        if (typeof entity['@id'] === 'string') removedIds.add(entity['@id']);
      }
      for (const inner of Object.values(entity)) find(inner);
    }
  };
  find(metadata);
  const drop = (value: unknown): boolean =>
    value !== null &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    (assesses(value as Record<string, unknown>) || removedIds.has(String((value as Record<string, unknown>)['@id'])));
  const clean = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.filter(item => !drop(item)).map(clean);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, inner]) => !drop(inner) && !(typeof inner === 'string' && removedIds.has(inner)))
        .map(([name, inner]) => [name, name === '@context' ? RO_CRATE_CONTEXT : clean(inner)]),
    );
  };
  return {
    metadata: drop(metadata) ? { '@context': RO_CRATE_CONTEXT, '@graph': [] } : clean(metadata),
    removed: count,
  };
}
