import { currentTime } from '../clock.ts';
import type { Caller, User } from '../http/http.ts';
import { Refused } from '../refused.ts';
import type { AirlockConfig } from './request/airlock-config.ts';
import { applyDeadlines } from './request/deadlines.ts';
import { type RequestEvent, requestEvent } from './request/decision.ts';
import { fullReportKey } from './request/places.ts';
import type { Request } from './request/request.ts';
import { type Viewer, viewerOf } from './request/viewer.ts';
import { readRequest, recordLook } from './store.ts';

/** Names and cells of sealed files are content, which no answer may carry out of the project. */
const onlyReviewers = (request: Request): string =>
  `Only reviewers who have no part in ${request.project} can see its sealed files, reports and votes here. ${
    request.direction === 'export' ? `On a desktop of the project, open ${fullReportKey(request)}.` : ''
  }`.trim();

export interface RequestParams {
  readonly project: string;
  readonly request: string;
}

/** A request with its deadlines applied, and how the caller may view it. */
export interface LoadedRequest {
  readonly request: Request;
  readonly revision: number;
  readonly eye: Viewer;
}

/** Loads requests for the operations of the API. */
export function requestLoader(table: string, rules: AirlockConfig) {
  /** How the user may view this request. Users who may not view it get the same refusal as for a missing request. */
  async function look(request: Request, user: Caller): Promise<Viewer> {
    const roles = (await user.membership())?.roles ?? [];
    return viewerOf(request, user, roles.length > 0);
  }
  async function find(user: Caller, params: RequestParams): Promise<LoadedRequest> {
    const { revision, ...read } = await readRequest(table, params.project, params.request);
    const { request } = applyDeadlines(read, currentTime(), rules);
    return { request, revision, eye: await look(request, user) };
  }
  return {
    look,
    find,
    /** Loads a request for somebody who may see sealed files, reports and votes: a reviewer outside the project. */
    async findForReview(user: Caller, params: RequestParams): Promise<LoadedRequest> {
      const target = await find(user, params);
      if (target.eye !== 'reviewer') throw new Refused('forbidden', onlyReviewers(target.request));
      return target;
    },
    /** Records the access before anything is shown. */
    async viewed(
      user: User,
      { request, revision }: LoadedRequest,
      message: string,
      subject: Pick<RequestEvent, 'path' | 'details'> = {},
    ): Promise<void> {
      const event = { ...requestEvent('FileViewed', message, user), ...subject };
      await recordLook(table, request, revision, event, currentTime());
    },
  };
}
