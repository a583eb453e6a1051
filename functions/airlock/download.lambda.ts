import * as z from 'zod';
import { now } from '../clock.ts';
import { http, type User } from '../http/http.ts';
import type { ObjectRef } from '../identifiers.ts';
import { rolesOf } from '../projects/membership.ts';
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
import { AirlockConfig } from './request/airlock-config.ts';
import { applyDeadlines } from './request/deadlines.ts';
import { requestEvent } from './request/decision.ts';
import { standingOf } from './request/download-eligibility.ts';
import type { Request } from './request/request.ts';
import { readRequest, viewRow } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), RELEASE_BUCKET: z.string(), RULES: z.string() });
const { TABLE_NAME, RELEASE_BUCKET, RULES } = env.parse(process.env);
const rules = AirlockConfig.parse(JSON.parse(RULES));
const wiring = { table: TABLE_NAME, bucket: RELEASE_BUCKET };

/**
 * The request as it stands at this instant (time's changes applied), for whoever has something to do with it: what is
 * revoked or over gives nothing from then on.
 */
async function read(params: RequestParams, user: User): Promise<{ request: Request; revision: number }> {
  const stranger = (await rolesOf(TABLE_NAME, params.project, user.id)).length === 0;
  const none = new Refused('missing', `There is no project ${params.project}, or you are not a member of it.`);
  // To strangers all that is not for them is the same: nothing tells them whether there is such a request.
  const { revision, ...read } = await readRequest(TABLE_NAME, params.project, params.request).catch(
    (error: unknown) => {
      throw stranger && error instanceof Refused ? none : error;
    },
  );
  if (stranger && user.id !== read.recipient?.id) throw none;
  return { revision, request: applyDeadlines(read, now(), rules).request };
}

/** The request if it is released. Of any other state the reason is told by the grant, if there is one at all. */
async function find(params: RequestParams, user: User) {
  const { request, revision } = await read(params, user);
  const { standing, release } = standingOf(request);
  const tell: LookRecorder = ({ name, says, details }, at) =>
    viewRow(request, revision, { ...requestEvent(name, says, user), details }, at);
  return { target: { ...params, standing, tell }, release };
}

/** The list of the release asked for last: no part costs reading it again, and its version never changes. */
let last: { readonly version: string; readonly files: StoredFiles } | undefined;
async function filesOf({ held }: { held: ObjectRef }): Promise<StoredFiles> {
  const version = `${held.key} ${held.versionId}`;
  if (last?.version !== version) last = { version, files: StoredFiles.parse(await readVerified(RELEASE_BUCKET, held)) };
  return last.files;
}

/**
 * Gives what was released. A function of its own, as every byte that leaves passes through it: it can read released
 * files and nothing that was not.
 */
export const handler = http<'download'>(
  {
    async openDownload({ user, params, body }) {
      const { target } = await find(params, user);
      return openLink(wiring, target, user.id, body.network, now());
    },
    async takeDownload({ user, source, params, body }) {
      const { target, release } = await find(params, user);
      return redeemDownload(wiring, target, { id: user.id, source }, body.token, release, now());
    },
    async downloadFiles({ user, source, params, body }) {
      const { target, release } = await find(params, user);
      return listDownloadFiles(wiring, target, { id: user.id, source }, body, await filesOf(release), now());
    },
    async downloadPart({ user, source, params, body }) {
      const { target, release } = await find(params, user);
      const files = await filesOf(release);
      return readDownloadPart(wiring, target, { id: user.id, source }, body, { files, release }, now());
    },
  },
  { roles: (project, user) => rolesOf(TABLE_NAME, project, user) },
);
