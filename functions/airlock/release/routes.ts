import * as z from 'zod';
import { BytesResponse, type Route, userGroups } from '../../http/route.ts';
import { ProjectId } from '../../projects/schemas.ts';
import { RequestId } from '../request/request.ts';
import {
  DownloadFiles,
  DownloadLink,
  DownloadPage,
  DownloadPart,
  DownloadSession,
  OpenDownload,
  SigningKey,
  TakeDownload,
} from './schemas.ts';

const path = '/projects/{project}/airlock/{request}/downloads';
/** These routes return secrets, so no answer is stored. Each call can safely be repeated. */
const routeDefaults = {
  method: 'POST',
  capability: 'download',
  status: 200,
  mints: true,
  stepOf: 'airlock download',
  // Non-members may call them too: only the recipient gets an answer, and for everybody else nothing exists.
  callers: [{ group: 'researcher' }],
  params: z.object({ project: ProjectId, request: RequestId }),
} as const;

/** The steps of `broch airlock download`. Every byte passes through these routes, so a revocation takes effect at the next part. */
export const downloadRoutes = {
  openDownload: {
    ...routeDefaults,
    path,
    cli: 'airlock download-link',
    summary: 'Get a link to a release; it works once, within an hour, and only for you',
    example: 'airlock download-link asthma al-0011223344556677 --network 192.0.2.0/24',
    body: OpenDownload,
    returns: DownloadLink,
  },
  takeDownload: {
    ...routeDefaults,
    path: `${path}/take`,
    cli: 'airlock download-redeem',
    summary: 'Redeem a link; after that nobody can redeem it again',
    example: 'airlock download-redeem asthma al-0011223344556677 --token UNhY4JhezH9gQYqvDMWrWH9CwlcKiECVqejMrND2VFw',
    body: TakeDownload,
    returns: DownloadSession,
  },
  downloadFiles: {
    ...routeDefaults,
    path: `${path}/files`,
    cli: 'airlock download-list',
    summary: 'List the next files of a redeemed link: names, sizes and checksums',
    example: 'airlock download-list asthma al-0011223344556677 --token UNhY4JhezH9gQYqvDMWrWH9CwlcKiECVqejMrND2VFw',
    body: DownloadFiles,
    returns: DownloadPage,
  },
  downloadPart: {
    ...routeDefaults,
    path: `${path}/part`,
    cli: 'airlock download-part',
    summary: 'Download the next 4 MiB of a page of files, or of the signed record',
    example:
      'airlock download-part asthma al-0011223344556677 --token UNhY4JhezH9gQYqvDMWrWH9CwlcKiECVqejMrND2VFw --file 0',
    body: DownloadPart,
    returns: BytesResponse,
  },
} as const satisfies Record<string, Route>;

/** A signature proves the origin of a record only to somebody who has the key from another source. */
export const keyRoutes = {
  showSigningKey: {
    method: 'GET',
    path: '/airlock/key',
    capability: 'airlock',
    cli: 'airlock signer',
    status: 200,
    callers: userGroups.map(group => ({ group })),
    summary: 'Show the public key that verifies releases, or an earlier one',
    example: 'airlock signer',
    query: z.object({
      id: z
        .string()
        .regex(/^[A-Za-z0-9:/_-]{1,200}$/)
        .optional()
        .describe('an earlier key, as the keyId of a release record names it'),
    }),
    returns: SigningKey,
  },
} as const satisfies Record<string, Route>;
