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
  readonly of: Request;
  readonly revision: number;
  readonly eye: Viewer;
}

/** How requests are found by the functions behind the routes. */
export function requestLoader(table: string, rules: AirlockConfig) {
  /** Who asks, as they may see this request; to whoever may not, there is none. */
  async function look(of: Request, user: User): Promise<Viewer> {
    const member = (await rolesOf(table, of.project, user.id)).length > 0;
    return viewerOf(of, user, member);
  }
  return {
    look,
    async find(user: User, { project, request }: RequestParams): Promise<LoadedRequest> {
      const { revision, ...read } = await readRequest(table, project, request);
      const { request: of } = applyDeadlines(read, now(), rules);
      return { of, revision, eye: await look(of, user) };
    },
    /** What somebody opens is on record before it is shown. */
    async viewed(user: User, { of, revision }: LoadedRequest, says: string, path?: string): Promise<void> {
      const event = { ...requestEvent('FileViewed', says, user), ...(path !== undefined && { path }) };
      await recordLook(table, of, revision, event, now());
    },
  };
}
