import { sha256 } from '../../hash.ts';
import type { Someone } from './request.ts';

/**
 * Assigns reviewers to a request: first those already assigned who are still eligible, then others until there are
 * enough. The order differs between requests, which spreads the work, and is stable for one request (highest random
 * weight).
 */
export function assignReviewers(
  { id, asked }: { readonly id: string; readonly asked: readonly Someone[] },
  wanted: number,
  candidates: readonly Someone[],
): Someone[] {
  const still = candidates.filter(one => asked.some(before => before.id === one.id));
  const weight = (one: Someone) => sha256(`${id} ${one.id}`);
  const others = candidates
    .filter(one => !still.includes(one))
    .map(one => ({ one, weight: weight(one) }))
    .sort((a, b) => (a.weight < b.weight ? -1 : 1))
    .map(({ one }) => one);
  return [...still, ...others.slice(0, Math.max(0, wanted - still.length))];
}
