import { now } from '../clock.ts';
import type { User } from '../http/http.ts';
import { rolesOf } from '../projects/membership.ts';
import type { Rules } from './request/airlock-config.ts';
import { lapse } from './request/deadlines.ts';
import { happened } from './request/decision.ts';
import type { Request } from './request/request.ts';
import { type Eye, eyeOf } from './request/request-view.ts';
import { readRequest, recordLook } from './store.ts';

export interface Of {
  readonly project: string;
  readonly request: string;
}

/** A request as time has left it, for the eyes of whoever asks. */
export interface Found {
  readonly of: Request;
  readonly revision: number;
  readonly eye: Eye;
}

/** How requests are found by the functions behind the routes. */
export function finder(table: string, rules: Rules) {
  /** Who asks, as they may see this request; to whoever may not, there is none. */
  async function look(of: Request, user: User): Promise<Eye> {
    const member = (await rolesOf(table, of.project, user.id)).length > 0;
    return eyeOf(of, user, member);
  }
  return {
    look,
    async find(user: User, { project, request }: Of): Promise<Found> {
      const { revision, ...read } = await readRequest(table, project, request);
      const { request: of } = lapse(read, now(), rules);
      return { of, revision, eye: await look(of, user) };
    },
    /** What somebody opens is on record before it is shown. */
    async viewed(user: User, { of, revision }: Found, says: string, path?: string): Promise<void> {
      const event = { ...happened('FileViewed', says, user), ...(path !== undefined && { path }) };
      await recordLook(table, of, revision, event, now());
    },
  };
}
