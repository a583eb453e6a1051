import { sha256 } from '../../hash.ts';
import type { Someone } from './request.ts';

/**
 * Assigns reviewers to a request: first those already assigned who are still eligible, then others until there are
 * enough. The order differs between requests, which spreads the work, and is stable for one request (highest random
 * weight).
 */
export function assignReviewers(
  { id, assignees: reviewers }: { readonly id: string; readonly assignees: readonly Someone[] },
  count: number,
  candidates: readonly Someone[],
): Someone[] {
  const eligible = candidates.filter(candidate => reviewers.some(reviewer => reviewer.id === candidate.id));
  const weight = (candidate: Someone) => sha256(`${id} ${candidate.id}`);
  const additions = candidates
    .filter(candidate => !eligible.includes(candidate))
    .map(candidate => ({ candidate, weight: weight(candidate) }))
    .sort((a, b) => (a.weight < b.weight ? -1 : 1))
    .map(({ candidate }) => candidate);
  return [...eligible, ...additions.slice(0, Math.max(0, count - eligible.length))];
}
