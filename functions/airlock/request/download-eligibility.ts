import { Refused } from '../../refused.ts';
import { IMPORTS_PREFIX } from './places.ts';
import type { Request, RequestRelease } from './request.ts';

/** Whether the request allows downloads: read from its row for every call. */
export interface RequesterStanding {
  readonly released: boolean;
  /** The SHA-256 of the seal. */
  readonly seal: string;
  readonly expires: string;
}

/** What a download needs to know of a request whose deadlines are applied. Refuses unless it is released. */
export function standingOf(request: Request): { standing: RequesterStanding; release: RequestRelease } {
  if (request.direction === 'import')
    throw new Refused(
      'conflict',
      `Imports are not downloaded: ${request.id} was delivered to ${IMPORTS_PREFIX}${request.id}/.`,
    );
  if (request.status !== 'released') {
    const explanation = 'reason' in request ? `: ${request.reason}` : '.';
    throw new Refused('conflict', `Nothing can be downloaded: this request is ${request.status}${explanation}`);
  }
  return {
    standing: { released: true, seal: request.seal.sha256, expires: request.expiresAt },
    release: request.release,
  };
}
