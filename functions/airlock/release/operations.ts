import type { Call } from '../../api/http.ts';
import { now } from '../../clock.ts';
import { Refused } from '../../refused.ts';
import { HeldFiles } from '../held.ts';
import { reopen } from '../objects.ts';
import type { Request } from '../request.ts';
import { nextFiles, openLink, takeLink, type Wiring } from './download.ts';
import type { downloadRoutes } from './routes.ts';

type Of<N extends keyof typeof downloadRoutes> = Call<(typeof downloadRoutes)[N]>;

/**
 * The operations behind downloadRoutes, for the airlock's API function: `...downloads(wiring, read)`. `read` gives the
 * request as it stands at this instant (time's changes applied): what is revoked or over gives nothing from then on.
 * Rights: see Wiring, and bucket(release, ['read']).
 */
export function downloads(
  wiring: Wiring & { readonly bucket: string },
  read: (of: { project: string; request: string }) => Promise<Request>,
) {
  /** The request if it is released. Of any other state the reason is told by the grant, if there is one at all. */
  async function find(params: { project: string; request: string }) {
    const request = await read(params);
    if (request.status !== 'released') {
      const why = 'reason' in request ? `: ${request.reason}` : '.';
      throw new Refused('conflict', `Nothing can be fetched: this request is ${request.status}${why}`);
    }
    const { release, seal, expiresAt } = request;
    return { of: { ...params, standing: { released: true, seal: seal.sha256, expires: expiresAt } }, release };
  }
  const filesOf = async (release: Awaited<ReturnType<typeof find>>['release']) =>
    HeldFiles.parse(await reopen(wiring.bucket, release.held));

  return {
    async openDownload({ user, params, body }: Of<'openDownload'>) {
      const { of } = await find(params);
      return openLink(wiring, of, user.id, body.network, now());
    },
    async takeDownload({ user, source, params, body }: Of<'takeDownload'>) {
      const { of, release } = await find(params);
      return takeLink(wiring, of, { id: user.id, source }, body.token, release, now());
    },
    async downloadFiles({ user, source, params, body }: Of<'downloadFiles'>) {
      const { of, release } = await find(params);
      const files = await filesOf(release);
      return nextFiles(wiring, of, { id: user.id, source }, body, { files, release }, now());
    },
  };
}
