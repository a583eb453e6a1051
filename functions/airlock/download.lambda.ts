import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { type Caller, http } from '../http/http.ts';
import type { ObjectRef } from '../identifiers.ts';
import { readMembership } from '../membership.ts';
import { readGroups } from '../people.ts';
import { Refused } from '../refused.ts';
import { readVerified } from '../storage/immutable-objects.ts';
import type { RequestParams } from './load-request.ts';
import {
  type LookRecorder,
  listDownloadFiles,
  openLink,
  readDownloadPart,
  redeemDownload,
} from './release/download.ts';
import { StoredFiles } from './release/released-files.ts';
import { parseAirlockConfig } from './request/airlock-config.ts';
import { applyDeadlines } from './request/deadlines.ts';
import { requestEvent } from './request/decision.ts';
import { standingOf } from './request/download-eligibility.ts';
import type { Request } from './request/request.ts';
import { airlockRoutes } from './routes.ts';
import { readRequest, viewRows } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  RELEASE_BUCKET: z.string(),
  RULES: z.string(),
  POOL_ID: z.string(),
});
const { TABLE_NAME, RELEASE_BUCKET, RULES, POOL_ID } = env.parse(process.env);
const rules = parseAirlockConfig(RULES);
const wiring = { table: TABLE_NAME, bucket: RELEASE_BUCKET };

/**
 * Reads the request with its deadlines applied, for members and the recipient. A revoked or expired request gives
 * nothing from that moment on.
 */
async function read(params: RequestParams, user: Caller): Promise<{ request: Request; revision: number }> {
  const stranger = ((await user.membership())?.roles.length ?? 0) === 0;
  const refusal = new Refused('missing', `There is no project ${params.project}, or you are not a member of it.`);
  // Others get the same answer whether or not the request exists.
  const { revision, ...read } = await readRequest(TABLE_NAME, params.project, params.request).catch(
    (error: unknown) => {
      throw stranger && error instanceof Refused ? refusal : error;
    },
  );
  if (stranger && user.id !== read.recipient?.id) throw refusal;
  return { revision, request: applyDeadlines(read, currentTime(), rules).request };
}

/** Reads the request and checks that it may be downloaded. */
async function find(params: RequestParams, user: Caller) {
  const { request, revision } = await read(params, user);
  const { standing, release } = standingOf(request);
  const tell: LookRecorder = ({ name, message, details }, timestamp) =>
    viewRows(request, revision, { ...requestEvent(name, message, user), details }, timestamp);
  return { target: { ...params, standing, tell }, release };
}

/** The file list of the latest release, cached because its version never changes. */
let last: { readonly version: string; readonly files: StoredFiles } | undefined;
async function filesOf({ fileList }: { fileList: ObjectRef }): Promise<StoredFiles> {
  const version = `${fileList.key} ${fileList.versionId}`;
  if (last?.version !== version)
    last = { version, files: StoredFiles.parse(await readVerified(RELEASE_BUCKET, fileList)) };
  return last.files;
}

/**
 * Serves downloads. It is a separate function because every released byte passes through it: it can read released files
 * and nothing else.
 */
export const handler = http(
  airlockRoutes,
  'download',
  {
    async openDownload({ user, params, body }) {
      const { target } = await find(params, user);
      return openLink(wiring, target, user.id, body.network, currentTime());
    },
    async takeDownload({ user, source, params, body }) {
      const { target, release } = await find(params, user);
      return redeemDownload(wiring, target, { id: user.id, source }, body.token, release, currentTime());
    },
    async downloadFiles({ user, source, params, body }) {
      const { target, release } = await find(params, user);
      return listDownloadFiles(wiring, target, { id: user.id, source }, body, await filesOf(release), currentTime());
    },
    async downloadPart({ user, source, params, body }) {
      const { target, release } = await find(params, user);
      const files = await filesOf(release);
      return readDownloadPart(wiring, target, { id: user.id, source }, body, { files, release }, currentTime());
    },
  },
  {
    membership: (project, user) => readMembership(TABLE_NAME, project, user),
    groups: person => readGroups(POOL_ID, person),
  },
);
