import type { Call, User } from '../../api/http.ts';
import { now } from '../../clock.ts';
import { Refused } from '../../refused.ts';
import { happened } from '../decision.ts';
import { HeldFiles, imports } from '../held.ts';
import { reopen } from '../objects.ts';
import type { Request } from '../request.ts';
import { lookRow } from '../store.ts';
import { nextFiles, openLink, type Tell, takeLink, type Wiring } from './download.ts';
import type { downloadRoutes } from './routes.ts';

type Of<N extends keyof typeof downloadRoutes> = Call<(typeof downloadRoutes)[N]>;

/**
 * The operations behind downloadRoutes, for the airlock's API function: `...downloads(wiring, read)`. `read` refuses
 * whoever has nothing to do with the request, and gives the request as it stands at this instant (time's changes applied), and the revision that was read: what is revoked or over
 * gives nothing from then on.
 * Rights: see Wiring, and bucket(release, ['read']).
 */
export function downloads(
  wiring: Wiring & { readonly bucket: string },
  read: (of: { project: string; request: string }, user: User) => Promise<{ request: Request; revision: number }>,
) {
  /** The request if it is released. Of any other state the reason is told by the grant, if there is one at all. */
  async function find(params: { project: string; request: string }, user: User) {
    const { request, revision } = await read(params, user);
    if (request.direction === 'import')
      throw new Refused('conflict', `Nothing is fetched: ${request.id} was let in, to ${imports}${request.id}/.`);
    if (request.status !== 'released') {
      const why = 'reason' in request ? `: ${request.reason}` : '.';
      throw new Refused('conflict', `Nothing can be fetched: this request is ${request.status}${why}`);
    }
    const { release, seal, expiresAt } = request;
    const standing = { released: true, seal: seal.sha256, expires: expiresAt };
    const tell: Tell = ({ name, says, details }, at) =>
      lookRow(request, revision, { ...happened(name, says, user), details }, at);
    return { of: { ...params, standing, tell }, release };
  }
  const filesOf = async (release: Awaited<ReturnType<typeof find>>['release']) =>
    HeldFiles.parse(await reopen(wiring.bucket, release.held));

  return {
    async openDownload({ user, params, body }: Of<'openDownload'>) {
      const { of } = await find(params, user);
      return openLink(wiring, of, user.id, body.network, now());
    },
    async takeDownload({ user, source, params, body }: Of<'takeDownload'>) {
      const { of, release } = await find(params, user);
      return takeLink(wiring, of, { id: user.id, source }, body.token, release, now());
    },
    async downloadFiles({ user, source, params, body }: Of<'downloadFiles'>) {
      const { of, release } = await find(params, user);
      const files = await filesOf(release);
      return nextFiles(wiring, of, { id: user.id, source }, body, { files, release }, now());
    },
  };
}
