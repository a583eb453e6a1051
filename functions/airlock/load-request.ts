import { now } from '../clock.ts';
import type { User } from '../http/http.ts';
import { rolesOf } from '../projects/membership.ts';
import type { AirlockConfig } from './request/airlock-config.ts';
import { applyDeadlines } from './request/deadlines.ts';
import { requestEvent } from './request/decision.ts';
import type { Request } from './request/request.ts';
import { type Viewer, viewerOf } from './request/viewer.ts';
import { readRequest, recordLook } from './store.ts';

export interface RequestParams {
  readonly project: string;
  readonly request: string;
}

/** A request as time has left it, for the eyes of whoever asks. */
export interface LoadedRequest {
  readonly request: Request;
  readonly revision: number;
  readonly eye: Viewer;
}

/** How requests are found by the functions behind the routes. */
export function requestLoader(table: string, rules: AirlockConfig) {
  /** Who asks, as they may see this request; to whoever may not, there is none. */
  async function look(request: Request, user: User): Promise<Viewer> {
    const member = (await rolesOf(table, request.project, user.id)).length > 0;
    return viewerOf(request, user, member);
  }
  return {
    look,
    async find(user: User, params: RequestParams): Promise<LoadedRequest> {
      const { revision, ...read } = await readRequest(table, params.project, params.request);
      const { request } = applyDeadlines(read, now(), rules);
      return { request, revision, eye: await look(request, user) };
    },
    /** What somebody opens is on record before it is shown. */
    async viewed(user: User, { request, revision }: LoadedRequest, says: string, path?: string): Promise<void> {
      const event = { ...requestEvent('FileViewed', says, user), ...(path !== undefined && { path }) };
      await recordLook(table, request, revision, event, now());
    },
  };
}
