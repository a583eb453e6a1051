import type { Request } from '../../functions/airlock/request/request.ts';
import { rana } from './builders.ts';
import type { AirlockModel } from './model.ts';

const comparedFields = [
  'expiresAt',
  'deadline',
  'since',
  'startedAt',
  'approvedAt',
  'retainedUntil',
  'reminded',
  'shortage',
] as const;

/**
 * Which worlds are one and the same for all that can follow: comments, names and numbers of attempts don't matter, nor
 * does who of several that are alike voted how, nor what an approval came from once it is there.
 */
export function computeModelKey({
  bounds,
  request,
  day: days,
  members,
  reviewers,
  settings,
  openQuorum,
  approval,
}: AirlockModel): string {
  const { alike = [] } = bounds;
  const votes = (request: Request | undefined) =>
    request?.status === 'inReview'
      ? request.votes
          .map(vote => `${alike.includes(vote.by) ? '' : vote.by}${vote.verdict}${vote.round}${vote.files.length}`)
          .sort()
          .join()
      : '';
  const fields = request as unknown as Record<string, unknown>;
  return [
    request.status,
    request.round,
    votes(request),
    'review' in request ? votes(request.review) : '',
    'conflict' in request && request.conflict,
    'withheld' in request && request.withheld.length,
    'seal' in request && request.seal?.sha256,
    'releasedBy' in request && request.releasedBy.id === rana.id,
    'stopped' in request && request.stopped?.at,
    ...comparedFields.map(name => fields[name] ?? ''),
    days,
    members,
    reviewers,
    settings.quorum,
    settings.partial,
    settings.by,
    openQuorum,
    approval && `${approval.seal} ${approval.fit} ${approval.quorum} ${approval.withheld}`,
  ].join('|');
}
